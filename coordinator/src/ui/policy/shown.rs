//! How the pages of a policy write names, amounts, moments and ids.

use std::fmt;

use askama::filters::HtmlSafe;
use bitcoin::Amount;
use policies::UnixTime;

use crate::ui::fault::sentence;
use crate::ui::show::{Address, Moment, Money, Outside, TxidText, Unit};

/// Writes what stands on a page. Every name and label of a document is a stranger's word.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown {
    /// The unit of amounts.
    pub(super) unit: Unit,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    clippy::unused_self,
    reason = "templates call these on a value and pass references"
)]
impl Shown {
    /// Words of a document, or words around such.
    pub(super) fn out(&self, text: &str) -> Outside {
        Outside::new(text)
    }

    /// Words as a sentence.
    pub(super) fn sentence(&self, words: &str) -> Outside {
        Outside::new(&sentence(words))
    }

    /// Several names.
    pub(super) fn all(&self, names: &[String]) -> Outside {
        Outside::new(&names.join(", "))
    }

    /// The names of a set that acts together.
    pub(super) fn set(&self, names: &[String]) -> Outside {
        Outside::new(&names.join(" + "))
    }

    /// Several names, where none means any.
    pub(super) fn any(&self, names: &[String], any: &str) -> Outside {
        if names.is_empty() {
            Outside::new(any)
        } else {
            Outside::new(&names.join(" or "))
        }
    }

    /// An amount.
    pub(super) fn money(&self, amount: &Amount) -> Money {
        Money::new(*amount, self.unit)
    }

    /// A moment.
    pub(super) fn at(&self, at: &UnixTime) -> Moment {
        Moment::new(*at)
    }

    /// An id, short.
    pub(super) fn id(&self, id: &impl ToString) -> TxidText {
        TxidText::of(&id.to_string())
    }

    /// A document, line by line.
    pub(super) fn lines(&self, document: &str) -> Lines {
        Lines(document.lines().map(Outside::new).collect())
    }

    /// An address.
    pub(super) fn address(&self, address: &str) -> Address {
        Address::new(address)
    }
}

/// The lines of a document, each in an element of its own, so that the style numbers them.
#[derive(Debug, Clone)]
pub(super) struct Lines(Vec<Outside>);

impl fmt::Display for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.0 {
            writeln!(f, "<span class=\"line\">{line}</span>")?;
        }
        Ok(())
    }
}

impl HtmlSafe for Lines {}
