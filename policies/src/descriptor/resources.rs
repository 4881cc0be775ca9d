//! How near a descriptor's scripts come to what nodes accept.

use bitcoin::taproot::TAPROOT_CONTROL_MAX_NODE_COUNT;
use miniscript::descriptor::{DescriptorPublicKey, WshInner};
use miniscript::{Descriptor, Miniscript, ScriptContext};
use serde::Serialize;

use super::VaultDescriptor;
use crate::Keychain;

/// The largest witness script that nodes relay (Bitcoin Core, `MAX_STANDARD_P2WSH_SCRIPT_SIZE`).
const MAX_WITNESS_SCRIPT_BYTES: usize = 3_600;
/// The most items of a witness that nodes relay, without its script (`MAX_STANDARD_P2WSH_STACK_ITEMS`).
const MAX_WITNESS_ITEMS: usize = 100;
/// The most opcodes that a witness script runs (`MAX_OPS_PER_SCRIPT`).
const MAX_OPCODES: usize = 201;
/// The most elements on the stack (`MAX_STACK_SIZE`), the bound of tapscript (BIP 342).
const MAX_STACK_ITEMS: usize = 1_000;

/// One resource of the script: what the worst satisfaction uses, and the most that nodes accept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Resource {
    /// Which.
    pub name: &'static str,
    /// What is used.
    pub used: usize,
    /// The most.
    pub most: usize,
}

impl VaultDescriptor {
    /// What the script uses of each resource that nodes bound; parsing refused what exceeds them.
    pub fn resources(&self) -> Vec<Resource> {
        let resource = |name, used, most| Resource { name, used, most };
        match self.multipath() {
            Descriptor::Wsh(wsh) => {
                let script_bytes = match &self.at(Keychain::External, 0).definite {
                    Descriptor::Wsh(wsh) => wsh.inner_script().len(),
                    Descriptor::Bare(_)
                    | Descriptor::Pkh(_)
                    | Descriptor::Wpkh(_)
                    | Descriptor::Sh(_)
                    | Descriptor::Tr(_) => 0,
                };
                let (opcodes, items) = match wsh.as_inner() {
                    // OP_CHECKMULTISIG counts once and once for each key; OP_0 and k signatures.
                    WshInner::SortedMulti(multi) => {
                        (multi.n().saturating_add(1), multi.k().saturating_add(1))
                    }
                    WshInner::Ms(script) => (opcodes(script), items(script)),
                };
                vec![
                    resource("script bytes", script_bytes, MAX_WITNESS_SCRIPT_BYTES),
                    resource("opcodes", opcodes, MAX_OPCODES),
                    resource("witness items", items, MAX_WITNESS_ITEMS),
                ]
            }
            Descriptor::Tr(tr) => {
                let leaves: Vec<(u8, usize)> = tr
                    .leaves()
                    .map(|leaf| (leaf.depth(), items(leaf.miniscript())))
                    .collect();
                let depth = leaves.iter().map(|(depth, _)| usize::from(*depth)).max();
                let items = leaves.iter().map(|(_, items)| *items).max();
                vec![
                    resource(
                        "tree depth",
                        depth.unwrap_or(0),
                        TAPROOT_CONTROL_MAX_NODE_COUNT,
                    ),
                    resource("witness items", items.unwrap_or(1), MAX_STACK_ITEMS),
                ]
            }
            Descriptor::Bare(_) | Descriptor::Pkh(_) | Descriptor::Wpkh(_) | Descriptor::Sh(_) => {
                Vec::new()
            }
        }
    }
}

/// The opcodes of the costliest satisfaction, as Bitcoin Core counts them.
fn opcodes<Ctx: ScriptContext>(script: &Miniscript<DescriptorPublicKey, Ctx>) -> usize {
    let ran = script.ext.sat_data.map_or(0, |data| data.max_exec_op_count);
    script.ext.static_ops.saturating_add(ran)
}

/// The items of the longest satisfaction, without the script.
fn items<Ctx: ScriptContext>(script: &Miniscript<DescriptorPublicKey, Ctx>) -> usize {
    script
        .ext
        .sat_data
        .map_or(0, |data| data.max_witness_stack_count)
}
