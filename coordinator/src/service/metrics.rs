//! Figures for those who watch machines, in the text format of Prometheus: whole numbers, one line each.
//!
//! Invariant: a figure says what `status` and the alarms say, under a name that does not change; no figure names a
//! transaction, an address or a person.

use watchtower::alarm::AlarmKind;
use watchtower::store::{alarms, chain, events, node};

use super::{Actor, Right, Service, ServiceError};

/// The figures, as Prometheus reads them.
///
/// # Errors
/// On a database failure.
pub async fn show_metrics(service: &Service, actor: &Actor) -> Result<String, ServiceError> {
    actor.require_everywhere(Right::Read)?;
    let mut tx = service.database().begin_read().await?;
    let open = alarms::open(&mut tx).await?;
    let tip = chain::tip(&mut tx).await?;
    let tip_time = chain::tip_time(&mut tx).await?;
    let nodes = node::node_status(&mut tx).await?;
    let (number, _) = events::head(&mut tx).await?;
    drop(tx);
    let mut text = Text::default();
    text.head("countersign_alarms", "Alarms that are open, by kind.");
    for kind in AlarmKind::ALL {
        let count = open.iter().filter(|alarm| alarm.kind == kind).count();
        let grave = if kind.is_grave() { "yes" } else { "no" };
        let labels = format!("alarm=\"{}\",grave=\"{grave}\"", kind.code());
        text.line("countersign_alarms", &labels, count);
    }
    if let Some(tip) = tip {
        let name = "countersign_chain_height";
        text.head(name, "The height up to which blocks are taken in.");
        text.line(name, "", tip.height);
    }
    if let Some(at) = tip_time {
        let name = "countersign_chain_tip_age_seconds";
        text.head(name, "Seconds since the time in the tip's header.");
        text.line(name, "", service.now().secs_since(at));
    }
    let name = "countersign_node_in_trouble";
    text.head(name, "Whether a node cannot be relied on: 1 if so.");
    for node in &nodes {
        let labels = format!("node=\"{}\"", label(&node.node));
        text.line(name, &labels, u8::from(node.trouble.is_some()));
    }
    let name = "countersign_node_height";
    text.head(name, "The height of a node's tip.");
    for node in &nodes {
        text.line(
            name,
            &format!("node=\"{}\"", label(&node.node)),
            node.height,
        );
    }
    let name = "countersign_event_number";
    text.head(name, "The number of the last sequenced event.");
    text.line(name, "", number);
    Ok(text.0)
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn head(&mut self, name: &str, help: &str) {
        self.0 += &format!("# HELP {name} {help}\n# TYPE {name} gauge\n");
    }

    fn line(&mut self, name: &str, labels: &str, value: impl std::fmt::Display) {
        let labels = if labels.is_empty() {
            String::new()
        } else {
            format!("{{{labels}}}")
        };
        self.0 += &format!("{name}{labels} {value}\n");
    }
}

/// A label's value, in which nothing ends it.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_ends_where_it_ends() {
        let mut text = Text::default();
        text.line("x", &format!("node=\"{}\"", label("a\"} 1\nb\\")), 7);
        assert_eq!(text.0, "x{node=\"a\\\"} 1\\nb\\\\\"} 7\n");
    }
}
