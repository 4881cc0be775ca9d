//! Deposits, coins and addresses, and how coins are called.

use bitcoin::{Address, OutPoint};
use policies::Keychain;
use watchtower::store::coins as chain_coins;
use watchtower::store::pages::addresses::{self, AddressFilter};
use watchtower::store::pages::coins::{self, CoinFilter};
use watchtower::tracker::Coin;

use super::{Hit, MOST_OF_A_KIND, Place};
use crate::service::ServiceError;
use crate::store::coin_marks::{self, CoinMark};

impl Place<'_> {
    pub(super) async fn coins(&mut self) -> Result<(), ServiceError> {
        let sought = self.sought;
        let mut filters = Vec::new();
        if let Some(txid) = sought.txid {
            filters.push((
                true,
                CoinFilter {
                    txid: Some(txid),
                    ..CoinFilter::default()
                },
            ));
        }
        if let Some(amount) = sought.amount {
            filters.push((
                true,
                CoinFilter {
                    least: Some(amount),
                    most: Some(amount),
                    ..CoinFilter::default()
                },
            ));
        }
        if !sought.is_id() {
            filters.push((
                false,
                CoinFilter {
                    change: Some(false),
                    reference: sought.text.clone(),
                    ..CoinFilter::default()
                },
            ));
        }
        for (exact, filter) in filters {
            let rows = coins::page(self.tx, self.vault.id, &filter, None, MOST_OF_A_KIND).await?;
            for coin in rows {
                if sought.outpoint.is_none_or(|wanted| wanted == coin.outpoint) {
                    let reference = coin.script.reference.as_deref().unwrap_or_default();
                    let exact = exact || sought.matches(reference) == Some(true);
                    self.coin(&coin, exact);
                }
            }
        }
        Ok(())
    }

    fn coin(&mut self, coin: &Coin, exact: bool) {
        let detail = match &coin.script.reference {
            Some(reference) => format!("reference {reference}"),
            None if coin.change => "change".to_owned(),
            None => "no reference".to_owned(),
        };
        let (kind, href) = if coin.change {
            ("coin", self.page(&coin_place(coin.outpoint)))
        } else {
            (
                "deposit",
                self.page(&format!("/deposits/{}", coin.outpoint)),
            )
        };
        self.found(Hit {
            kind,
            title: coin.outpoint.to_string(),
            detail: self.of_vault(&detail),
            amount: Some(coin.amount),
            href,
            exact,
        });
    }

    pub(super) async fn addresses(&mut self) -> Result<(), ServiceError> {
        let sought = self.sought;
        let filter = AddressFilter {
            script: sought.script.clone(),
            reference: if sought.script.is_none() {
                sought.text.clone()
            } else {
                String::new()
            },
            ..AddressFilter::default()
        };
        if sought.txid.is_some() {
            return Ok(());
        }
        let rows = addresses::page(self.tx, self.vault.id, &filter, None, MOST_OF_A_KIND).await?;
        for row in rows {
            let Ok(address) =
                Address::from_script(&row.script.script_pubkey, self.service.network())
            else {
                continue;
            };
            let reference = row.script.reference.unwrap_or_default();
            let keychain = match row.script.keychain {
                Keychain::External => "deposits",
                Keychain::Internal => "change",
            };
            let mut detail = format!("{keychain}, index {}", row.script.index);
            if !reference.is_empty() {
                detail.push_str(", reference ");
                detail.push_str(&reference);
            }
            self.found(Hit {
                kind: "address",
                title: address.to_string(),
                detail: self.of_vault(&detail),
                amount: (row.coins > 0).then_some(row.received),
                href: self.page(&format!("/addresses/{address}")),
                exact: sought.script.is_some() || sought.matches(&reference) == Some(true),
            });
        }
        Ok(())
    }

    pub(super) async fn labels(&mut self) -> Result<(), ServiceError> {
        if self.sought.is_id() {
            return Ok(());
        }
        let most = usize::try_from(MOST_OF_A_KIND).unwrap_or(usize::MAX);
        let marks = coin_marks::list(self.tx, self.vault.id).await?;
        let labels = marks.into_iter().filter(|row| row.mark == CoinMark::Label);
        let named: Vec<_> = labels
            .filter_map(|row| Some((self.sought.matches(&row.text)?, row)))
            .take(most)
            .collect();
        for (exact, row) in named {
            let coin = chain_coins::coin(self.tx, row.coin).await?;
            self.found(Hit {
                kind: "coin",
                title: row.text,
                detail: self.of_vault(&row.coin.to_string()),
                amount: coin.map(|coin| coin.amount),
                href: self.page(&coin_place(row.coin)),
                exact,
            });
        }
        Ok(())
    }
}

/// Where a coin stands in the list of coins.
fn coin_place(coin: OutPoint) -> String {
    format!("/coins/{coin}")
}
