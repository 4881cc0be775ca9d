//! The configuration file: TOML, every field explained in the example, unknown ones refused.

use std::net::SocketAddr;

use bitcoin::{FeeRate, Network, ScriptBuf};
use policies::document::parse_sat_per_vb;
use serde::{Deserialize, Serialize};

use crate::service::BatchSettings;
use crate::service::notifying::mailing::{MailConfig, MailConfigError};
use crate::ui::{Proxies, ProxiesError, Public, PublicError};

/// The example file, which is also the reference of all fields.
pub const EXAMPLE: &str = include_str!("configuration.example.toml");

/// The farthest target for which a node estimates, in blocks.
const MOST_TARGET: u32 = 1008;

/// The file of `countersign-coordinator`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoordinatorConfig {
    /// The database: `sqlite:///path/file.db` or `postgres://…`.
    pub database: String,
    /// The network whose policies are served.
    pub network: Network,
    /// The challenge of a signet of one's own, in hex (BIP 325).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signet_challenge: Option<ScriptBuf>,
    /// Where the JSON API listens.
    #[serde(default = "listen")]
    pub listen: SocketAddr,
    /// Where people reach the pages: what browsers name, passkeys belong to, and links begin with. None for this
    /// host itself, at the port of `listen`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,
    /// The proxies that pass requests on to the pages, as addresses and networks: only they are believed when they
    /// say, in `X-Forwarded-For`, where a request comes from.
    #[serde(default = "trusted_proxies")]
    pub trusted_proxies: Vec<String>,
    /// The name of this process among several on one database.
    #[serde(default = "instance")]
    pub instance: String,
    /// Milliseconds between two looks at the job table.
    #[serde(default = "poll_interval_ms")]
    pub poll_interval_ms: u64,
    /// Seconds between automatic batches of a vault; 0 makes them by hand only.
    #[serde(default)]
    pub batch_interval_s: u64,
    /// Makes a batch of a vault as soon as so many withdrawals wait; 0 for any number.
    #[serde(default)]
    pub batch_count: u32,
    /// Makes a batch of a vault once the oldest waited so many seconds; 0 for any age.
    #[serde(default)]
    pub batch_age_s: u64,
    /// The confirmation target, in blocks, whose estimate gives the feerate.
    #[serde(default = "fee_target_blocks")]
    pub fee_target_blocks: u32,
    /// The target of urgent withdrawals.
    #[serde(default = "fee_target_urgent_blocks")]
    pub fee_target_urgent_blocks: u32,
    /// The target of patient withdrawals.
    #[serde(default = "fee_target_economy_blocks")]
    pub fee_target_economy_blocks: u32,
    /// Seconds for which the node's fee estimates count; older ones are none, and batches are held.
    #[serde(default = "fee_estimate_max_age_s")]
    pub fee_estimate_max_age_s: u64,
    /// The highest feerate that batches pay without asking, in sat/vB as an exact decimal text; empty for whatever
    /// the policy allows.
    #[serde(default)]
    pub fee_cap_sat_vb: String,
    /// Seconds that signers are given: intents and approvals that run out sooner are not batched.
    #[serde(default = "signing_window_s")]
    pub signing_window_s: u64,
    /// Lets webhooks call this host itself, by plain HTTP: for tests.
    #[serde(default)]
    pub allow_loopback_webhooks: bool,
    /// The database URL of the watchtower in the same process: on PostgreSQL, that of its own role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watchtower_database: Option<String>,
    /// How mail is sent; none for no mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<MailConfig>,
    /// A watchtower in the same process, for `run --with-watchtower`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watchtower: Option<watchtower::Config>,
}

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is not text.
    #[error("the file is not text in UTF-8")]
    NotText,
    /// The file is no TOML of this form.
    #[error("{0}")]
    Toml(#[from] toml::de::Error),
    /// The watchtower's part.
    #[error(transparent)]
    Watchtower(#[from] watchtower::configuration::ConfigError),
    /// The embedded watchtower would follow another network.
    #[error("the coordinator serves {coordinator}, its watchtower follows {watchtower}")]
    OtherNetwork {
        /// The coordinator's network.
        coordinator: Network,
        /// The watchtower's.
        watchtower: Network,
    },
    /// The embedded watchtower would follow another signet.
    #[error("signet_challenge must be the same for the coordinator and its watchtower")]
    OtherSignet,
    /// A verb asks the node, which nothing names.
    #[error("{verb} needs [watchtower], which names the node")]
    NoWatchtower {
        /// The verb.
        verb: &'static str,
    },
    /// A target for which no node has estimates.
    #[error("{field} must be at most {MOST_TARGET}, not {found}")]
    FarTarget {
        /// The field.
        field: &'static str,
        /// What it is.
        found: u32,
    },
    /// A fee cap that is no feerate.
    #[error(
        "fee_cap_sat_vb is a feerate above 0 in sat/vB such as \"25\" or \"2.5\", or empty; not {found:?}"
    )]
    FeeCap {
        /// What it is.
        found: String,
    },
    /// The pages cannot be reached there.
    #[error(transparent)]
    PublicUrl(#[from] PublicError),
    /// A proxy that is believed is no address.
    #[error(transparent)]
    Proxies(#[from] ProxiesError),
    /// Mail cannot be sent like that.
    #[error(transparent)]
    Mail(#[from] MailConfigError),
    /// A field that must not be 0.
    #[error("{0} must be at least 1")]
    Zero(&'static str),
}

impl CoordinatorConfig {
    /// Reads and checks the text of a file.
    ///
    /// # Errors
    /// With the line, where the text is wrong.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text)?;
        if config.poll_interval_ms == 0 {
            return Err(ConfigError::Zero("poll_interval_ms"));
        }
        if config.fee_estimate_max_age_s == 0 {
            return Err(ConfigError::Zero("fee_estimate_max_age_s"));
        }
        for (field, target) in [
            ("fee_target_blocks", config.fee_target_blocks),
            ("fee_target_urgent_blocks", config.fee_target_urgent_blocks),
            (
                "fee_target_economy_blocks",
                config.fee_target_economy_blocks,
            ),
        ] {
            if target == 0 {
                return Err(ConfigError::Zero(field));
            }
            if target > MOST_TARGET {
                let found = target;
                return Err(ConfigError::FarTarget { field, found });
            }
        }
        if !config.fee_cap_sat_vb.is_empty() && config.fee_cap().is_none() {
            let found = config.fee_cap_sat_vb;
            return Err(ConfigError::FeeCap { found });
        }
        config.public()?;
        config.proxies()?;
        if let Some(mail) = &config.mail {
            mail.check()?;
        }
        if let Some(watchtower) = &config.watchtower {
            watchtower.check()?;
            if watchtower.network == config.network
                && watchtower.signet_challenge != config.signet_challenge
            {
                return Err(ConfigError::OtherSignet);
            }
            if watchtower.network != config.network {
                return Err(ConfigError::OtherNetwork {
                    coordinator: config.network,
                    watchtower: watchtower.network,
                });
            }
        }
        Ok(config)
    }

    /// The fee cap, where there is one.
    fn fee_cap(&self) -> Option<FeeRate> {
        let cap = parse_sat_per_vb(&self.fee_cap_sat_vb).ok();
        cap.filter(|cap| *cap > FeeRate::ZERO)
    }

    /// Where people reach the pages.
    ///
    /// # Errors
    /// [`PublicError`] for what is no origin that passkeys work at.
    pub fn public(&self) -> Result<Public, PublicError> {
        match &self.public_url {
            Some(url) => Public::parse(url),
            None => Ok(Public::of_listener(self.listen)),
        }
    }

    /// The proxies that are believed.
    ///
    /// # Errors
    /// [`ProxiesError`] for what is no address and no network.
    pub fn proxies(&self) -> Result<Proxies, ProxiesError> {
        Proxies::parse(&self.trusted_proxies)
    }

    /// How batches are made.
    pub fn batch_settings(&self) -> BatchSettings {
        BatchSettings {
            interval: (self.batch_interval_s > 0).then_some(self.batch_interval_s),
            count: (self.batch_count > 0).then_some(self.batch_count),
            age: (self.batch_age_s > 0).then_some(self.batch_age_s),
            fee_target: self.fee_target_blocks,
            urgent_target: self.fee_target_urgent_blocks,
            economy_target: self.fee_target_economy_blocks,
            estimate_max_age: self.fee_estimate_max_age_s,
            fee_cap: self.fee_cap(),
            signing_window: self.signing_window_s,
        }
    }
}

fn listen() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 7540))
}

fn trusted_proxies() -> Vec<String> {
    ["127.0.0.0/8", "::1"].map(str::to_owned).to_vec()
}

fn instance() -> String {
    "coordinator".to_owned()
}

const fn poll_interval_ms() -> u64 {
    250
}

const fn fee_target_blocks() -> u32 {
    6
}

const fn fee_target_urgent_blocks() -> u32 {
    2
}

const fn fee_target_economy_blocks() -> u32 {
    144
}

const fn fee_estimate_max_age_s() -> u64 {
    1800
}

const fn signing_window_s() -> u64 {
    1800
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_read_and_shows_the_defaults() {
        let example = CoordinatorConfig::parse(EXAMPLE).expect("reads");
        let least = format!("database = {:?}\nnetwork = \"regtest\"\n", example.database);
        let least = CoordinatorConfig::parse(&least).expect("reads");
        assert_eq!(
            CoordinatorConfig {
                watchtower: None,
                ..example
            },
            least
        );
    }

    #[test]
    fn an_unknown_field_and_another_network_are_refused() {
        let unknown = format!("colour = \"red\"\n{EXAMPLE}");
        assert!(matches!(
            CoordinatorConfig::parse(&unknown),
            Err(ConfigError::Toml(_))
        ));
        let zero = EXAMPLE.replacen("urgent_blocks = 2", "urgent_blocks = 0", 1);
        assert!(matches!(
            CoordinatorConfig::parse(&zero),
            Err(ConfigError::Zero("fee_target_urgent_blocks"))
        ));
        let far = EXAMPLE.replacen("economy_blocks = 144", "economy_blocks = 1009", 1);
        assert!(matches!(
            CoordinatorConfig::parse(&far),
            Err(ConfigError::FarTarget { found: 1009, .. })
        ));
        let proxy = EXAMPLE.replacen("\"::1\"", "\"my-proxy\"", 1);
        assert!(matches!(
            CoordinatorConfig::parse(&proxy),
            Err(ConfigError::Proxies(_))
        ));
        let other = EXAMPLE.replacen("network = \"regtest\"", "network = \"signet\"", 1);
        assert!(matches!(
            CoordinatorConfig::parse(&other),
            Err(ConfigError::OtherNetwork { .. })
        ));
    }

    #[test]
    fn a_fee_cap_is_an_exact_feerate_or_none() {
        let with = |cap: &str| {
            let line = format!("fee_cap_sat_vb = {cap:?}");
            let text = EXAMPLE.replacen("fee_cap_sat_vb = \"\"", &line, 1);
            CoordinatorConfig::parse(&text).map(|config| config.batch_settings().fee_cap)
        };
        let cap = FeeRate::from_sat_per_kwu(625);
        assert!(matches!(with("2.5"), Ok(Some(found)) if found == cap));
        assert!(matches!(with(""), Ok(None)));
        for wrong in ["0", "-1", "2.55555", "much"] {
            let refused = with(wrong);
            assert!(
                matches!(refused, Err(ConfigError::FeeCap { .. })),
                "{wrong}"
            );
        }
    }
}
