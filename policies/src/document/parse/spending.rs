//! Reading `[spending]` and `[recovery]`.

use bitcoin::address::NetworkUnchecked;
use bitcoin::{Address, Network};

use super::super::reader::{Field, Mistakes, Table};
use super::super::{DoublePayment, Problem, Recovery, name_of_network};
use crate::descriptor::{DescriptorError, VaultDescriptor};
use crate::destination::{DestinationError, check_destination};

/// `[spending]`.
pub(in super::super) struct Spending {
    pub(in super::super) descriptor: VaultDescriptor,
    pub(in super::super) policy: Option<String>,
    pub(in super::super) double_payment: DoublePayment,
}

pub(super) fn spending(
    root: &Table<'_>,
    network: Option<Network>,
    mistakes: &mut Mistakes<'_>,
) -> Option<Spending> {
    let table = root.required("spending", mistakes)?.table(
        &["descriptor", "policy", "double_payment"],
        &[],
        mistakes,
    )?;
    let descriptor = table
        .required("descriptor", mistakes)
        .and_then(|field| descriptor(&field, network, mistakes));
    let policy = match table.optional("policy") {
        Some(field) => field.text(mistakes).map(|text| Some(text.to_owned())),
        None => Some(None),
    };
    let double_payment = match table.optional("double_payment") {
        Some(field) => field.parse(mistakes, |text| {
            if text == "trust-coordinator" {
                Ok(DoublePayment::TrustCoordinator)
            } else {
                Err("trust-coordinator")
            }
        }),
        None => Some(DoublePayment::Signers),
    };
    Some(Spending {
        descriptor: descriptor?,
        policy: policy?,
        double_payment: double_payment?,
    })
}

pub(super) fn descriptor(
    field: &Field<'_>,
    network: Option<Network>,
    mistakes: &mut Mistakes<'_>,
) -> Option<VaultDescriptor> {
    let text = field.text(mistakes)?;
    match VaultDescriptor::parse(text, network?) {
        Ok(descriptor) => Some(descriptor),
        Err(error) => {
            mistakes.add(&field.path, problem_of(&error));
            None
        }
    }
}

fn problem_of(error: &DescriptorError) -> Problem {
    match error {
        DescriptorError::WrongNetwork { xpub, network } => Problem::WrongNetwork {
            value: xpub.to_string(),
            network: name_of_network(*network),
        },
        DescriptorError::AbsoluteTimelock => Problem::NotYet {
            field: "an absolute timelock",
        },
        DescriptorError::TimeBasedTimelock => Problem::NotYet {
            field: "a timelock in units of 512 seconds",
        },
        DescriptorError::NoChecksum { .. }
        | DescriptorError::WrongChecksum
        | DescriptorError::Syntax(_)
        | DescriptorError::Insane(_)
        | DescriptorError::Malleable
        | DescriptorError::NoSignature
        | DescriptorError::RepeatedKey
        | DescriptorError::MixedTimelocks
        | DescriptorError::ResourceLimits
        | DescriptorError::Kind
        | DescriptorError::PrivateKey
        | DescriptorError::Slip132 { .. }
        | DescriptorError::SingleKey { .. }
        | DescriptorError::UncompressedKey
        | DescriptorError::NotRanged { .. }
        | DescriptorError::HardenedStep { .. }
        | DescriptorError::NoOrigin { .. }
        | DescriptorError::UnhardenedAccount { .. }
        | DescriptorError::SameKey { .. }
        | DescriptorError::HashLock
        | DescriptorError::NoKey
        | DescriptorError::NoOrdinaryPath
        | DescriptorError::TooManyPaths
        | DescriptorError::Unplannable { .. } => Problem::Descriptor {
            code: error.code(),
            message: error.to_string(),
            hint: error.hint(),
        },
    }
}

pub(super) fn recovery(
    root: &Table<'_>,
    network: Option<Network>,
    mistakes: &mut Mistakes<'_>,
) -> Option<Recovery> {
    let table = root
        .required("recovery", mistakes)?
        .table(&["to"], &[], mistakes)?;
    let field = table.required("to", mistakes)?;
    if field.text(mistakes)? == "newest" {
        return Some(Recovery::Newest);
    }
    address(&field, network, mistakes).map(Recovery::Address)
}

/// An address of the vault's network.
pub(super) fn address(
    field: &Field<'_>,
    network: Option<Network>,
    mistakes: &mut Mistakes<'_>,
) -> Option<Address> {
    let value = field.text(mistakes)?.to_owned();
    let address: Address<NetworkUnchecked> =
        field.parse(mistakes, |text| text.parse().map_err(|_| "an address"))?;
    let network = network?;
    let problem = match check_destination(address, network) {
        Ok(address) => return Some(address),
        Err(DestinationError::WrongNetwork { network }) => Problem::WrongNetwork {
            value,
            network: name_of_network(network),
        },
        Err(DestinationError::NotAnAddress | DestinationError::ScriptKind) => {
            Problem::ScriptKind { value }
        }
    };
    mistakes.add(&field.path, problem);
    None
}
