//! `make demo`, as everybody meets Countersign first.

use harness::{Outcome, Program};

/// 1. The demo plays its story and exits.
/// 2. Every step was told, the books agree, and no line is wider than a terminal.
#[test]
fn demo_tells_the_whole_story() -> Outcome {
    let demo = Program::find("countersign-demo")?;
    let said = demo.run_with_setting("DEMO_EXIT", "1")?.done()?;
    let text = said.text();
    for step in 1..=16 {
        let title = format!("\n{step:>2}. ");
        assert!(text.contains(&title), "step {step} is missing:\n{text}");
    }
    for told in [
        "PAYMENT_SCRIPT",
        "events, none missing",
        "yes, over 2 coins",
        "Nothing is left running.",
    ] {
        assert!(text.contains(told), "{told} is missing:\n{text}");
    }
    let wide: Vec<&str> = text
        .lines()
        .filter(|line| line.chars().count() > 80)
        .collect();
    assert!(wide.is_empty(), "{wide:#?}");
    Ok(())
}
