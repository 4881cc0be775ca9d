//! The JSON API under `/api/v1`, and nothing but translation: a request becomes a call of the service
//! with the [`Actor`](crate::service::Actor) whose token it carries, an error becomes a problem document.
//!
//! Every route is registered here together with its place in the OpenAPI document, so that none can be
//! served and not described. Unknown routes and verbs are refused, bodies and times are bounded.

mod account_books;
mod addresses;
mod alarms;
mod approvals;
mod attempts;
mod authentication;
mod balancing;
mod batches;
mod body;
mod books;
mod ceremonies;
mod coins;
mod customers;
mod deposit_rules;
mod events;
mod fees;
mod journals;
mod lingering;
mod lists;
mod metrics;
mod moving_in;
mod notifications;
mod openapi;
mod people;
mod problem;
mod queue;
mod scans;
mod self_spends;
mod status;
mod tokens;
mod vaults;
mod versions;
mod voids;
mod watched;
mod webhooks;
mod withdrawals;

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::extract::connect_info::Connected;
use axum::http::StatusCode;
use axum::serve::IncomingStream;
use axum::{Extension, Router};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::service::Service;
use crate::service::pulse::Pulse;
use crate::ui::{self, Public, Ui};
use events::Listening;
use lingering::Lingering;

pub use openapi::document;
pub use problem::Problem;

/// The largest body that is read: a PSBT in base64, with room.
const BODY_LIMIT: usize = 8 * 1024 * 1024;
/// The longest that one request may take.
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// The address that a connection comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer(pub(crate) SocketAddr);

impl Connected<IncomingStream<'_, Lingering>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Lingering>) -> Self {
        Self(*stream.remote_addr())
    }
}

/// Returns the routes with their descriptions, without a service behind them.
fn described() -> OpenApiRouter<Service> {
    OpenApiRouter::with_openapi(openapi::head())
        .routes(routes!(vaults::create, vaults::list))
        .routes(routes!(vaults::show))
        .routes(routes!(moving_in::begin, moving_in::show))
        .routes(routes!(balancing::show))
        .routes(routes!(balancing::set_marks, balancing::clear_marks))
        .routes(routes!(balancing::draft))
        .routes(routes!(addresses::issue, addresses::list))
        .routes(routes!(addresses::superseded))
        .routes(routes!(books::deposits))
        .routes(routes!(books::coins))
        .routes(routes!(coins::freeze, coins::thaw))
        .routes(routes!(coins::label))
        .routes(routes!(books::balance))
        .routes(routes!(books::ledger))
        .routes(routes!(account_books::show))
        .routes(routes!(account_books::statement))
        .routes(routes!(account_books::movements))
        .routes(routes!(customers::show, customers::set_customers))
        .routes(routes!(customers::release))
        .routes(routes!(books::reconciliation, books::reconcile))
        .routes(routes!(books::reconcile_deep))
        .routes(routes!(books::reconciliation_result, books::call_off))
        .routes(routes!(withdrawals::submit, withdrawals::list))
        .routes(routes!(withdrawals::show))
        .routes(routes!(withdrawals::cancel))
        .routes(routes!(withdrawals::of_intent))
        .routes(routes!(
            deposit_rules::show_rules,
            deposit_rules::set_rules,
            deposit_rules::clear_rules
        ))
        .routes(routes!(fees::show_fees, fees::set_fees, fees::clear_fees))
        .routes(routes!(fees::consolidation))
        .routes(routes!(queue::show))
        .routes(routes!(queue::allow))
        .routes(routes!(queue::change))
        .routes(routes!(withdrawals::pay_again))
        .routes(routes!(approvals::record))
        .routes(routes!(lists::list))
        .routes(routes!(lists::show))
        .routes(routes!(lists::submit, lists::statements))
        .routes(routes!(lists::statement))
        .routes(routes!(lists::approve))
        .routes(routes!(versions::submit, versions::files))
        .routes(routes!(versions::list))
        .routes(routes!(versions::adopt))
        .routes(routes!(versions::standing))
        .routes(routes!(versions::mark))
        .routes(routes!(journals::list))
        .routes(routes!(journals::submit_move))
        .routes(routes!(journals::import))
        .routes(routes!(batches::create, batches::list))
        .routes(routes!(batches::show))
        .routes(routes!(batches::plan))
        .routes(routes!(batches::cancel))
        .routes(routes!(self_spends::create))
        .routes(routes!(self_spends::recover))
        .routes(routes!(attempts::list))
        .routes(routes!(attempts::show))
        .routes(routes!(attempts::psbt))
        .routes(routes!(attempts::submit))
        .routes(routes!(attempts::replace))
        .routes(routes!(attempts::approve))
        .routes(routes!(fees::ladder, fees::make_ladder))
        .routes(routes!(fees::release))
        .routes(routes!(voids::list))
        .routes(routes!(voids::show, voids::submit))
        .routes(routes!(voids::wish))
        .routes(routes!(events::list))
        .routes(routes!(events::listen))
        .routes(routes!(events::proof))
        .routes(routes!(events::verify))
        .routes(routes!(tokens::create, tokens::list))
        .routes(routes!(tokens::revoke))
        .routes(routes!(people::list))
        .routes(routes!(people::invite))
        .routes(routes!(people::revoke))
        .routes(routes!(people::take_back))
        .routes(routes!(ceremonies::begin, ceremonies::list))
        .routes(routes!(ceremonies::show, ceremonies::end))
        .routes(routes!(ceremonies::fill, ceremonies::empty))
        .routes(routes!(ceremonies::invite))
        .routes(routes!(ceremonies::draft))
        .routes(routes!(ceremonies::activate))
        .routes(routes!(ceremonies::sit, ceremonies::seat))
        .routes(routes!(ceremonies::hand_in))
        .routes(routes!(ceremonies::compare))
        .routes(routes!(ceremonies::ready))
        .routes(routes!(notifications::show, notifications::set))
        .routes(routes!(webhooks::add, webhooks::list))
        .routes(routes!(webhooks::show, webhooks::remove))
        .routes(routes!(webhooks::pause, webhooks::resume))
        .routes(routes!(webhooks::test))
        .routes(routes!(watched::watch))
        .routes(routes!(scans::request, scans::list))
        .routes(routes!(scans::show))
        .routes(routes!(alarms::list))
        .routes(routes!(alarms::end))
        .routes(routes!(metrics::show))
        .routes(routes!(status::show))
}

/// Returns the whole API over a service.
pub fn router(service: Service) -> Router {
    let pulse = Pulse::alone(service.clone());
    api(service, pulse)
        .fallback(problem::no_such_route)
        .layer(axum::middleware::map_response(problem::in_our_words))
}

/// Returns the API's routes; what is under no address of theirs is for others.
fn api(service: Service, pulse: Pulse) -> Router {
    let (routes, document) = described().split_for_parts();
    let document = axum::Json(openapi::named(document));
    routes
        .route(
            "/api/v1/openapi.json",
            axum::routing::get(async move || document),
        )
        .route("/api/{*rest}", axum::routing::any(problem::no_such_route))
        .method_not_allowed_fallback(problem::no_such_verb)
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            TIME_LIMIT,
        ))
        .layer(DefaultBodyLimit::disable())
        .layer(RequestBodyLimitLayer::new(BODY_LIMIT))
        .layer(axum::middleware::map_response(problem::in_our_words))
        .layer(Extension(Listening::new(pulse)))
        .layer(TraceLayer::new_for_http())
        .with_state(service)
}

/// Serves the API and the people's pages until `shutdown` completes, and lets requests under way finish.
/// Connections linger, so that a refusal arrives even where its request was not read to the end.
///
/// # Errors
///
/// What the system says of the listener.
pub async fn serve(
    listener: TcpListener,
    service: Service,
    public: Public,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let (stop, stopping) = watch::channel(false);
    let pulse = Pulse::new(service.clone(), stopping);
    let pages = ui::router(Ui::new(service.clone(), public, pulse.clone()));
    let both = api(service, pulse).fallback_service(pages);
    let both = both.into_make_service_with_connect_info::<Peer>();
    axum::serve(Lingering(listener), both)
        .with_graceful_shutdown(async move {
            shutdown.await;
            // What has no end by itself: pages that listen.
            stop.send_replace(true);
        })
        .await
}
