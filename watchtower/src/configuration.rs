//! The configuration file: TOML, every field explained in the example, unknown ones refused.

use std::collections::BTreeSet;
use std::path::PathBuf;

use bitcoin::constants::genesis_block;
use bitcoin::{BlockHash, Network, ScriptBuf};
use serde::{Deserialize, Serialize};

use crate::bitcoind::Credentials;
use crate::store::node::MAIN;

/// The example file, which is also the reference of all fields.
pub const EXAMPLE: &str = include_str!("configuration.example.toml");

/// The challenge of the default signet (Bitcoin Core, `src/kernel/chainparams.cpp`).
const DEFAULT_SIGNET_CHALLENGE: &str = "512103ad5e0edad18cb1f0fc0d28a3d4f1f3e445640337489abb10404f2d1e086be430\
                                        210359ef5021964fe22d6f8e05b2463c9540ce96883fe3b278760f048f5189f2e6c452ae";

/// Two hours without a block are once in three years where a block takes ten minutes: `e^-12` of all gaps.
const STALLED_AFTER: u64 = 7200;

/// The file of `countersign-watchtower`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigFile {
    /// The database: `sqlite:///path/file.db` or `postgres://…`.
    pub database: String,
    /// The watchtower.
    pub watchtower: Config,
}

/// How a watchtower works; embedded in a coordinator's file as `[watchtower]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The network.
    pub network: Network,
    /// The genesis block, where it is not the network's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub genesis: Option<BlockHash>,
    /// The challenge of a signet of one's own, in hex (BIP 325).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signet_challenge: Option<ScriptBuf>,
    /// The node.
    pub node: NodeConfig,
    /// Further nodes, compared with the node in each round.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub witness: Vec<WitnessConfig>,
    /// Seconds after which a tip is so old that its node is believed to be cut off; 0 for never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stalled_after_s: Option<u64>,
    /// A program and its arguments, run with each alarm as JSON on its standard input until it ends well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarm_command: Option<Vec<String>>,
    /// Milliseconds between two looks at the node.
    #[serde(default = "poll_interval_ms")]
    pub poll_interval_ms: u64,
    /// The name of this process among several on one database.
    #[serde(default = "instance")]
    pub instance: String,
    /// Seconds between two reconciliations of every vault.
    #[serde(default = "reconcile_interval_s")]
    pub reconcile_interval_s: u64,
    /// On regtest, where nodes have no estimate: the feerate to offer instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee_estimate_fallback_sat_kwu: Option<u64>,
}

/// Where the node is and how to prove who we are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeConfig {
    /// Its RPC address.
    pub url: String,
    /// The cookie file it writes at each start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cookie_file: Option<PathBuf>,
    /// Or a user …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// … and the file that holds the password alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
}

/// A node that is only compared with: what it says stops money, and moves none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WitnessConfig {
    /// What it is called.
    pub name: String,
    /// Its RPC address.
    pub url: String,
    /// The cookie file it writes at each start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cookie_file: Option<PathBuf>,
    /// Or a user …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// … and the file that holds the password alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
}

impl WitnessConfig {
    /// Where it is and how to prove who we are.
    pub(crate) fn node(&self) -> NodeConfig {
        NodeConfig {
            url: self.url.clone(),
            cookie_file: self.cookie_file.clone(),
            user: self.user.clone(),
            password_file: self.password_file.clone(),
        }
    }
}

impl NodeConfig {
    /// How we prove to the node who we are.
    pub(crate) fn credentials(&self) -> Result<Credentials, ConfigError> {
        match (&self.cookie_file, &self.user, &self.password_file) {
            (Some(file), None, None) => Ok(Credentials::Cookie(file.clone())),
            (None, Some(user), Some(file)) => Ok(Credentials::Password {
                user: user.clone(),
                file: file.clone(),
            }),
            _ => Err(ConfigError::Credentials),
        }
    }
}

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is no TOML of this form.
    #[error("{0}")]
    Toml(#[from] toml::de::Error),
    /// Neither or both ways to prove who we are.
    #[error(
        "[watchtower.node], as each [[watchtower.witness]], needs either cookie_file, or user and password_file"
    )]
    Credentials,
    /// A node estimates fees everywhere but on regtest.
    #[error("fee_estimate_fallback_sat_kwu is for regtest only, not for {0}")]
    FallbackOutsideRegtest(Network),
    /// Only signets have challenges.
    #[error("signet_challenge is for signet only, not for {0}")]
    ChallengeOutsideSignet(Network),
    /// Two nodes of one name, or one of none.
    #[error("a witness needs a name of its own, which {0:?} is not")]
    WitnessName(String),
    /// A command without a program.
    #[error("alarm_command needs a program")]
    NoAlarmCommand,
    /// An interval of nothing.
    #[error("{0} must be at least 1")]
    Zero(&'static str),
}

impl ConfigFile {
    /// Reads and checks the text of a file.
    ///
    /// # Errors
    ///
    /// With the line, where the text is wrong.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let file: Self = toml::from_str(text)?;
        file.watchtower.check()?;
        Ok(file)
    }
}

impl Config {
    /// Checks what the types cannot say.
    ///
    /// # Errors
    ///
    /// Names the field.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.credentials()?;
        if self.alarm_command.as_ref().is_some_and(Vec::is_empty) {
            return Err(ConfigError::NoAlarmCommand);
        }
        let mut names = BTreeSet::from([MAIN]);
        for witness in &self.witness {
            witness.node().credentials()?;
            if witness.name.is_empty() || !names.insert(&witness.name) {
                return Err(ConfigError::WitnessName(witness.name.clone()));
            }
        }
        if self.fee_estimate_fallback_sat_kwu.is_some() && self.network != Network::Regtest {
            return Err(ConfigError::FallbackOutsideRegtest(self.network));
        }
        if self.signet_challenge.is_some() && self.network != Network::Signet {
            return Err(ConfigError::ChallengeOutsideSignet(self.network));
        }
        for (name, value) in [
            ("poll_interval_ms", self.poll_interval_ms),
            ("reconcile_interval_s", self.reconcile_interval_s),
            (
                "fee_estimate_fallback_sat_kwu",
                self.fee_estimate_fallback_sat_kwu.unwrap_or(1),
            ),
        ] {
            if value == 0 {
                return Err(ConfigError::Zero(name));
            }
        }
        Ok(())
    }

    /// How we prove to the node who we are.
    pub(crate) fn credentials(&self) -> Result<Credentials, ConfigError> {
        self.node.credentials()
    }

    /// Seconds after which a tip is too old. Blocks of a regression test come when they are asked for.
    pub(crate) fn stalled_after(&self) -> Option<u64> {
        let unasked = (self.network != Network::Regtest).then_some(STALLED_AFTER);
        self.stalled_after_s.or(unasked).filter(|after| *after > 0)
    }

    /// The challenge that the node must have: every signet has the same genesis block.
    pub fn challenge(&self) -> Option<ScriptBuf> {
        let default = (self.network == Network::Signet)
            .then(|| ScriptBuf::from_hex(DEFAULT_SIGNET_CHALLENGE).expect("hex of a script"));
        self.signet_challenge.clone().or(default)
    }

    /// The genesis block that the node must have.
    pub fn genesis(&self) -> BlockHash {
        self.genesis
            .unwrap_or_else(|| genesis_block(self.network).block_hash())
    }
}

fn poll_interval_ms() -> u64 {
    1000
}

fn instance() -> String {
    "watchtower".to_owned()
}

fn reconcile_interval_s() -> u64 {
    600
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_a_configuration() {
        let file = ConfigFile::parse(EXAMPLE).expect("parses");
        assert_eq!(file.watchtower.poll_interval_ms, poll_interval_ms());
        assert_eq!(file.watchtower.instance, instance());
        assert_eq!(file.watchtower.reconcile_interval_s, reconcile_interval_s());
    }

    #[test]
    fn a_signet_of_ones_own_has_a_challenge_and_no_other_network_has_one() {
        let signet = EXAMPLE.replacen("network = \"regtest\"", "network = \"signet\"", 1);
        let signet = signet
            .lines()
            .filter(|line| !line.starts_with("fee_estimate_fallback"))
            .collect::<Vec<_>>()
            .join("\n");
        let file = ConfigFile::parse(&signet).expect("the default signet");
        let default = file.watchtower.challenge().expect("has a challenge");
        assert_eq!(default.len(), 71);
        let own = signet.replacen("[watchtower]", "[watchtower]\nsignet_challenge = \"51\"", 1);
        let file = ConfigFile::parse(&own).expect("a signet of one's own");
        let own = file.watchtower.challenge().expect("has a challenge");
        assert_eq!(own.to_hex_string(), "51");
        let elsewhere =
            EXAMPLE.replacen("[watchtower]", "[watchtower]\nsignet_challenge = \"51\"", 1);
        assert!(matches!(
            ConfigFile::parse(&elsewhere),
            Err(ConfigError::ChallengeOutsideSignet(Network::Regtest))
        ));
    }

    #[test]
    fn an_unknown_field_is_refused_with_its_line() {
        let text = EXAMPLE.replace("poll_interval_ms", "pol_interval_ms");
        let error = ConfigFile::parse(&text)
            .expect_err("unknown field")
            .to_string();
        assert!(error.contains("pol_interval_ms"), "{error}");
    }

    #[test]
    fn a_fee_fallback_is_refused_outside_regtest() {
        let text = EXAMPLE.replace(
            "[watchtower.node]",
            "fee_estimate_fallback_sat_kwu = 250\n[watchtower.node]",
        );
        ConfigFile::parse(&text).expect("allowed on regtest");
        let text = text.replace("\"regtest\"", "\"bitcoin\"");
        assert!(matches!(
            ConfigFile::parse(&text),
            Err(ConfigError::FallbackOutsideRegtest(Network::Bitcoin))
        ));
    }

    #[test]
    fn every_witness_has_a_name_of_its_own() {
        let named = |name: &str| {
            let text = format!(
                "{EXAMPLE}\n[[watchtower.witness]]\nname = \"{name}\"\nurl = \"http://127.0.0.1:1\"\n\
                 cookie_file = \"c\"\n"
            );
            ConfigFile::parse(&text)
        };
        assert_eq!(named("office").expect("parses").watchtower.witness.len(), 1);
        for name in ["", "main"] {
            assert!(matches!(named(name), Err(ConfigError::WitnessName(_))));
        }
    }

    #[test]
    fn a_tip_is_too_old_after_two_hours_but_never_unasked_on_regtest() {
        let mut config = ConfigFile::parse(EXAMPLE).expect("parses").watchtower;
        assert_eq!(config.stalled_after(), None);
        config.network = Network::Bitcoin;
        assert_eq!(config.stalled_after(), Some(7200));
        config.stalled_after_s = Some(0);
        assert_eq!(config.stalled_after(), None);
    }

    #[test]
    fn credentials_are_a_cookie_or_a_password_and_never_both() {
        let both = EXAMPLE.replace("cookie_file", "user = \"a\"\ncookie_file");
        assert!(matches!(
            ConfigFile::parse(&both),
            Err(ConfigError::Credentials)
        ));
    }
}
