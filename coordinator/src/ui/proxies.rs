//! Where a request comes from, as far as it can be known: the connection's own address, or what a proxy of ours says.
//!
//! Invariant: a header is believed only as far as configured proxies wrote it; whoever else writes one changes nothing.

use std::net::IpAddr;
use std::str::FromStr;

use axum::http::HeaderMap;

/// A network that a proxy of ours is in, such as `10.0.0.0/8` or `192.0.2.7`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    bits: u32,
}

/// The networks whose proxies are believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies(Vec<Network>);

/// Why a text is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "trusted_proxies has addresses such as 192.0.2.7 or networks such as 10.0.0.0/8, not {found:?}"
)]
pub struct ProxiesError {
    /// What it is.
    pub found: String,
}

impl FromStr for Network {
    type Err = ProxiesError;

    fn from_str(text: &str) -> Result<Self, ProxiesError> {
        let wrong = || ProxiesError {
            found: text.to_owned(),
        };
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let most = width(address);
        let bits = match bits {
            Some(bits) if bits.bytes().all(|byte| byte.is_ascii_digit()) => {
                bits.parse().map_err(|_| wrong())?
            }
            Some(_) => return Err(wrong()),
            None => most,
        };
        // What is beyond the network's own bits would be forgotten without a word.
        let network = Self { address, bits };
        let beyond = bits < most && number(address) & (u128::MAX >> (128 - most + bits)) != 0;
        if bits > most || beyond {
            return Err(wrong());
        }
        Ok(network)
    }
}

/// How many bits an address has.
const fn width(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

impl Network {
    fn has(self, address: IpAddr) -> bool {
        let most = width(self.address);
        let rest = most.saturating_sub(self.bits);
        let same = |left: u128, right: u128| {
            left.checked_shr(rest).unwrap_or(0) == right.checked_shr(rest).unwrap_or(0)
        };
        width(address) == most && same(number(self.address), number(address))
    }
}

impl Proxies {
    /// Reads the configured networks.
    ///
    /// # Errors
    /// [`ProxiesError`] for the first that is none.
    pub fn parse(networks: &[String]) -> Result<Self, ProxiesError> {
        let read: Result<Vec<Network>, ProxiesError> =
            networks.iter().map(|text| text.parse()).collect();
        read.map(Self)
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.has(address))
    }

    /// Who asks, where `peer` is connected: the last address in the header that no proxy of ours has. What stands
    /// before it may be invented, and so may the whole header where the peer is none of ours.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        let lines: Vec<&[u8]> = headers
            .get_all("x-forwarded-for")
            .iter()
            .map(axum::http::HeaderValue::as_bytes)
            .collect();
        let hops = lines
            .iter()
            .rev()
            .flat_map(|line| line.rsplit(|byte| *byte == b','));
        for hop in hops {
            if !self.trusts(client) {
                break;
            }
            let address = std::str::from_utf8(hop)
                .ok()
                .and_then(|hop| hop.trim().parse::<IpAddr>().ok());
            match address {
                Some(address) => client = address.to_canonical(),
                // A proxy of ours writes addresses: behind what is none nothing can be known.
                None => break,
            }
        }
        client
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(networks: &[&str], peer: &str, lines: &[&str]) -> String {
        let networks: Vec<String> = networks.iter().map(|&text| text.to_owned()).collect();
        let proxies = Proxies::parse(&networks).expect("networks");
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", line.parse().expect("a header"));
        }
        let peer = peer.parse().expect("an address");
        proxies.client(peer, &headers).to_string()
    }

    #[test]
    fn a_header_is_believed_only_as_far_as_proxies_of_ours_wrote_it() {
        let ours = ["10.0.0.0/8", "2001:db8::/32", "192.0.2.7"];
        for (peer, lines, expected) in [
            // Whoever is no proxy of ours says nothing about itself.
            ("203.0.113.9", &["198.51.100.1"][..], "203.0.113.9"),
            ("192.0.2.8", &["198.51.100.1"], "192.0.2.8"),
            ("10.1.2.3", &["198.51.100.1"], "198.51.100.1"),
            ("::ffff:10.1.2.3", &["198.51.100.1"], "198.51.100.1"),
            ("2001:db8::1", &["198.51.100.1"], "198.51.100.1"),
            ("192.0.2.7", &["::ffff:198.51.100.1"], "198.51.100.1"),
            // What the client wrote itself stands before what the proxy saw.
            (
                "10.1.2.3",
                &["127.0.0.1, 10.9.9.9, 198.51.100.1"],
                "198.51.100.1",
            ),
            ("10.1.2.3", &["127.0.0.1", "198.51.100.1"], "198.51.100.1"),
            // Through two proxies of ours, also where each adds a line.
            (
                "10.1.2.3",
                &["1.1.1.1, 198.51.100.1, 10.4.4.4"],
                "198.51.100.1",
            ),
            ("10.1.2.3", &["198.51.100.1", "10.4.4.4"], "198.51.100.1"),
            ("10.1.2.3", &["10.4.4.4"], "10.4.4.4"),
            ("10.1.2.3", &[], "10.1.2.3"),
            ("10.1.2.3", &["198.51.100.1, <script>"], "10.1.2.3"),
            ("10.1.2.3", &["198.51.100.1, unknown, 10.4.4.4"], "10.4.4.4"),
            ("10.1.2.3", &[""], "10.1.2.3"),
        ] {
            assert_eq!(client(&ours, peer, lines), expected, "{peer} {lines:?}");
        }
        assert_eq!(client(&[], "127.0.0.1", &["198.51.100.1"]), "127.0.0.1");
        assert_eq!(client(&["0.0.0.0/0"], "1.2.3.4", &["5.6.7.8"]), "5.6.7.8");
        assert_eq!(client(&["::/0"], "1.2.3.4", &["5.6.7.8"]), "1.2.3.4");
    }

    #[test]
    fn only_networks_are_taken() {
        for text in [
            "",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.1/8",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "10.0.0.0/8/8",
            "example.com",
            "10.0.0",
            "*",
            "2001:db8::1/32",
        ] {
            Proxies::parse(&[text.to_owned()]).expect_err(text);
        }
    }
}
