//! What comes back from a device is believed signature by signature, each over the transaction that was handed over.

use super::fake::Bench;

#[test]
fn an_answer_without_a_good_signature_of_ours_is_refused_by_what_is_wrong_with_it() {
    Bench::new().each(&[
        ("sign_unsigned", "DEVICE_DID_NOT_SIGN"),
        ("sign_unsigned_told", "DEVICE_DID_NOT_SIGN"),
        ("sign_no_psbt", "NOT_A_PSBT"),
        ("sign_not_base64", "NOT_A_PSBT"),
        ("answer_changed", "OTHER_TRANSACTION"),
        ("answer_none", "SIGNATURE_SIGHASH"),
        ("answer_single", "SIGNATURE_SIGHASH"),
        ("answer_swapped", "SIGNATURE_WRONG"),
        ("answer_others", "DEVICE_DID_NOT_SIGN"),
    ]);
}

#[test]
fn a_good_signature_is_taken_whatever_is_said_beside_it() {
    let bench = Bench::new();
    bench.signs("good").done();
    let good = bench.read("w1.alice.psbt");
    for case in [
        "sign_good_told_unsigned",
        "sign_complains_much",
        "sign_helper",
    ] {
        bench.signs(case).done();
        assert_eq!(bench.read("w1.alice.psbt"), good, "{case}");
    }
}

#[test]
fn an_answer_for_one_input_of_two_says_which_is_missing() {
    let bench = Bench::new();
    let said = bench.signs("answer_half").done();
    assert_eq!(said.value["missing"], serde_json::json!([1]));
    assert!(said.talk.contains("NOT SIGNED: input 1"), "{}", said.talk);
}
