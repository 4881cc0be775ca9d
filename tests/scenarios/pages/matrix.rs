//! Who may open which page and send which form: each cell of the table is asked for.

use std::collections::BTreeMap;

use coordinator::configuration::{CoordinatorConfig, EXAMPLE};
use coordinator::service::Service;
use coordinator::ui::{Entry, Needs, Public, entries};
use harness::showcase::{Showcase, Size};
use harness::{Engine, Failure, Outcome, Web};
use tokio::runtime::Runtime;
use watchtower::store::database::Database;

/// Every route of the pages, as the program has them.
pub(super) fn table() -> Result<Vec<Entry>, Failure> {
    let runtime = Runtime::new()?;
    let folder = tempfile::tempdir()?;
    let database = runtime.block_on(Database::open_sqlite(&folder.path().join("empty.db")))?;
    let settings = CoordinatorConfig::parse(EXAMPLE)?;
    let service = Service::new(database, settings.network, settings.batch_settings());
    Ok(entries(service, Public::of_listener(settings.listen)))
}
