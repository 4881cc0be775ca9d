//! Why a descriptor is no wallet policy.

/// Why a text is no wallet policy, or a descriptor cannot be written as one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WalletPolicyError {
    /// No device takes the name.
    #[error("{0:?} is not a name of 1 to 64 printable letters without spaces around it")]
    Name(String),
    /// The template is longer than any device takes by far.
    #[error("the template has {bytes} bytes")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// A letter that no descriptor has.
    #[error("the template has a letter that no descriptor has")]
    Letter,
    /// A key is no extended public key, or its origin does not parse.
    #[error("{0} is not an extended public key like [f5acc2fd/48'/1'/0'/2']tpub…")]
    Key(String),
    /// A key is at no place that a template can name.
    #[error(
        "key {0} does not end in two branches and a wildcard, such as /<0;1>/*, right after the extended key"
    )]
    Branches(String),
    /// Two entries are the same key.
    #[error("key {0} stands twice in the list of keys")]
    SameKey(String),
    /// Two places of one key overlap.
    #[error("the branches of {first} and of {second} overlap")]
    Overlap {
        /// The place as it stands first.
        first: String,
        /// The place as it stands again.
        second: String,
    },
    /// A key of the template is no placeholder.
    #[error("{0} in the template is no placeholder like @0/**")]
    Placeholder(String),
    /// Keys are not numbered as they first appear.
    #[error("placeholder @{found} appears where @{expected} is the next new one")]
    Order {
        /// The placeholder.
        found: usize,
        /// The one that comes first.
        expected: usize,
    },
    /// Keys and placeholders are not as many.
    #[error("the template numbers {placeholders} keys, and {keys} are listed")]
    Count {
        /// Distinct placeholders.
        placeholders: usize,
        /// Keys.
        keys: usize,
    },
    /// Keys that sign as one.
    #[error("keys aggregated by musig are not supported")]
    Musig,
}
