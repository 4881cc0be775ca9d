//! Loss and theft, against every subset of holders.

use std::sync::LazyLock;

use super::*;
use crate::document::Device;

/// Compiling a descriptor takes long: once for all random cases.
static SAMPLE: LazyLock<Policy> = LazyLock::new(|| policy(ScriptKind::Wsh));

fn on_host(signers: &mut [Signer], index: usize, host: &str) {
    signers[index].device = Some(Device {
        kind: "software".to_owned(),
        firmware: None,
        seed_created: None,
        host: Some(host.to_owned()),
    });
}

fn listed(sets: Option<&Vec<Vec<String>>>) -> Vec<String> {
    let mut lines: Vec<String> = sets.expect("few").iter().map(|set| set.join("+")).collect();
    lines.sort();
    lines
}

#[test]
fn loss_and_theft_are_told_now_and_after_the_timelock() {
    for kind in [ScriptKind::Wsh, ScriptKind::Tr] {
        let analysis = Analysis::of(&policy(kind));
        let [now, later] = analysis.exposures.as_slice() else {
            panic!("now and after one timelock");
        };
        let pairs = ["alice+bob", "alice+machine", "bob+machine"];
        assert_eq!(now.older, None);
        assert_eq!(listed(now.theft.as_ref()), pairs);
        assert_eq!(listed(now.loss.as_ref()), pairs);
        assert_eq!(later.older, Some(12_960));
        let mut thefts = pairs.to_vec();
        thefts.push("vault-key");
        assert_eq!(listed(later.theft.as_ref()), thefts);
        assert_eq!(
            listed(later.loss.as_ref()),
            pairs.map(|pair| format!("{pair}+vault-key"))
        );
        assert_eq!(listed(later.newly.as_ref()), ["vault-key"]);
    }
}

#[test]
fn keys_of_one_person_or_one_host_are_lost_and_stolen_together() {
    let policy = policy(ScriptKind::Wsh);
    let mut signers = policy.signers.clone();
    // bob's key lies where alice's does, and operations' machine belongs to alice.
    on_host(&mut signers, 0, "rack-1");
    on_host(&mut signers, 1, "rack-1");
    signers[2].person = "alice".to_owned();
    let holders = Holders::of(&policy.descriptor, &signers);
    let names: Vec<&str> = holders
        .list()
        .iter()
        .map(|holder| holder.name.as_str())
        .collect();
    assert_eq!(names, ["alice/bob", "vault-key"]);
    assert_eq!(holders.list()[0].signers, ["alice", "bob", "machine"]);
    assert_eq!(
        holders.list()[0].hosts,
        BTreeSet::from(["rack-1".to_owned()])
    );
    let exposures = exposure::exposures(&policy.descriptor, &holders);
    assert_eq!(listed(exposures[0].theft.as_ref()), ["alice/bob"]);
    assert_eq!(listed(exposures[0].loss.as_ref()), ["alice/bob"]);
    assert_eq!(listed(exposures[1].loss.as_ref()), ["alice/bob+vault-key"]);
    on_host(&mut signers, 1, "rack-2");
    let apart = Holders::of(&policy.descriptor, &signers);
    assert_eq!(apart.list().len(), 3);
}

#[test]
fn sets_too_many_to_list_are_not_listed_in_part() {
    // One of fifteen pairs: two to the fifteenth ways to lose a key of each.
    let pair = |i: usize| {
        let [a, b] = ["first", "second"].map(|key| samples::ranged(&format!("{key}-{i}")));
        format!("and_v(v:pk({a}),pk({b}))")
    };
    let leaves = (1..15).fold(pair(0), |tree, i| format!("{{{tree},{}}}", pair(i)));
    let nums = crate::descriptor::nums_xpub(&[], bitcoin::NetworkKind::Test);
    let text = samples::with_checksum(&format!("tr({nums}/<0;1>/*,{leaves})"));
    let descriptor = samples::vault(&text);
    let exposures = exposure::exposures(&descriptor, &Holders::of(&descriptor, &[]));
    assert_eq!(exposures[0].loss, None);
    assert_eq!(exposures[0].theft.as_ref().map(Vec::len), Some(15));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn loss_and_theft_are_what_trying_every_subset_of_holders_finds(
        persons in prop::collection::vec(0..4_usize, 4),
        hosts in prop::collection::vec(0..6_usize, 4),
    ) {
        let policy = &*SAMPLE;
        let mut signers = policy.signers.clone();
        for index in 0..signers.len() {
            signers[index].person = format!("person-{}", persons[index]);
            on_host(&mut signers, index, &format!("host-{}", hosts[index]));
        }
        let holders = Holders::of(&policy.descriptor, &signers);
        let holder_of_signer: Vec<usize> = signers
            .iter()
            .map(|signer| {
                let at = policy.descriptor.key_positions().iter()
                    .position(|key| key.xpub == signer.key.xpub);
                holders.of_key(at.expect("ours"))
            })
            .collect();
        for (a, b) in (0..4).flat_map(|a| (0..4).map(move |b| (a, b))) {
            if persons[a] == persons[b] || hosts[a] == hosts[b] {
                prop_assert_eq!(holder_of_signer[a], holder_of_signer[b]);
            }
        }
        for exposure in exposure::exposures(&policy.descriptor, &holders) {
            // The policy in words: two of the first three, or the fourth after its timelock.
            let spends = |has: &dyn Fn(usize) -> bool| {
                (0..3).filter(|signer| has(*signer)).count() >= 2
                    || (exposure.older.is_some() && has(3))
            };
            let named = |subset: usize| -> BTreeSet<&str> {
                holders.list().iter().enumerate()
                    .filter(|(index, _)| subset >> index & 1 == 1)
                    .map(|(_, holder)| holder.name.as_str())
                    .collect()
            };
            let contains = |sets: &Option<Vec<Vec<String>>>, subset: usize| {
                let subset = named(subset);
                sets.as_ref().expect("few").iter()
                    .any(|set| set.iter().all(|name| subset.contains(name.as_str())))
            };
            for subset in 0..1_usize << holders.list().len() {
                let inside = |signer: usize| subset >> holder_of_signer[signer] & 1 == 1;
                prop_assert_eq!(contains(&exposure.theft, subset), spends(&inside));
                prop_assert_eq!(contains(&exposure.loss, subset), !spends(&|signer| !inside(signer)));
            }
        }
    }
}
