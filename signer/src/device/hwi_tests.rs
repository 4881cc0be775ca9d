//! What `hwi` says is understood in its own form, and in no other.

use super::*;
use crate::failure::Explained;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

fn said(output: &str, complaint: &str, code: i32) -> Said {
    Said {
        output: output.as_bytes().to_vec(),
        complaint: complaint.to_owned(),
        status: ExitStatus::from_raw(code << 8),
    }
}

fn listed(output: &str) -> Result<Vec<Found>, DeviceError> {
    let entries: Vec<Entry> = understood(&said(output, "", 0))?;
    entries.into_iter().map(found).collect()
}

/// The end of what HWI 3.2.0 prints on a machine without libusb.
const WITHOUT_LIBUSB: &str = "Traceback (most recent call last):\n  File \"usb1/_libusb1.py\", line 229, in \
     __getLibrary\n    raise OSError(\nFileNotFoundError: [Errno 2] cannot find a suitable libusb-1.0: \
     ['libusb-1.0.so.0', 'libusb-1.0.so']\n";

#[test]
fn devices_come_with_their_state_as_hwi_lists_them() {
    let line = r#"[{"type":"ledger","model":"ledger_nano_s_simulator","label":null,"path":"tcp:127.0.0.1:9999",
        "fingerprint":"f5acc2fd","needs_pin_sent":false,"needs_passphrase_sent":false},
        {"type":"trezor","model":"trezor_1","path":"webusb:003:1","needs_pin_sent":true,
        "error":"Could not open client or get fingerprint information: trezor is locked.","code":-12},
        {"type":"jade","model":"jade","path":"/dev/ttyUSB0",
        "error":"[Errno 13] Permission denied: '/dev/ttyUSB0'","code":-13}]"#;
    let found = listed(line).expect("is understood");
    let states: Vec<_> = found
        .iter()
        .map(|one| match &one.state {
            State::Ready => "ready",
            State::Trouble(error) => error.code(),
        })
        .collect();
    assert_eq!(states, ["ready", "DEVICE_LOCKED", "DEVICE_PERMISSION"]);
    assert_eq!(
        found[0].fingerprint,
        Some("f5acc2fd".parse().expect("reads"))
    );
    assert!(listed("[]").expect("is understood").is_empty());
}

#[test]
fn what_is_no_answer_is_told_by_what_is_wrong_with_it() {
    for (output, what) in [
        ("", "it is empty"),
        ("[", "it breaks off"),
        ("{}", "it is JSON of another form"),
        ("[] []", "it is no JSON alone"),
        ("Warning: old firmware\n[]", "it is no JSON alone"),
        (r#"[{"type":"ledger"}]"#, "it is JSON of another form"),
        (
            r#"[{"type":"-t","path":"1"}]"#,
            "a kind of device that is no word",
        ),
        (
            r#"[{"type":"ledger","path":"a\nwipe"}]"#,
            "a path of a device that is none",
        ),
        (
            r#"[{"type":"ledger","path":"1","fingerprint":"nobody"}]"#,
            "a fingerprint that is none",
        ),
    ] {
        match listed(output) {
            Err(DeviceError::ToolAnswer { what: told, .. }) => assert_eq!(told, what, "{output}"),
            other => panic!("{output}: {other:?}"),
        }
    }
}

#[test]
fn a_traceback_is_told_by_its_last_line_and_a_missing_library_by_name() {
    let crash = "Traceback (most recent call last):\n  File \"x\"\nKeyError: 'sign'\n\n";
    let error = understood::<XpubAnswer>(&said("", crash, 1)).expect_err("crashed");
    assert!(error.to_string().ends_with("KeyError: 'sign'"), "{error}");
    let error = understood::<XpubAnswer>(&said("", WITHOUT_LIBUSB, 1)).expect_err("crashed");
    assert_eq!(error.code(), "LIBUSB_MISSING");
    // An answer of a tool that says that it failed is none.
    let error = understood::<XpubAnswer>(&said(r#"{"xpub":"x"}"#, "", 1)).expect_err("failed");
    assert_eq!(error.code(), "TOOL_CRASHED");
    // A complaint counts, whatever its exit status.
    let complaint = r#"{"error":"sign_tx canceled","code":-14}"#;
    for status in [0, 1, 2] {
        let error = understood::<XpubAnswer>(&said(complaint, "usage", status));
        assert_eq!(error.expect_err("complains").code(), "REFUSED_ON_DEVICE");
    }
}

#[test]
fn each_word_stays_one_word_of_its_line_and_never_becomes_two_lines() {
    let words = ["signtx", "a b", "it's", "\"$HOME\"", "--wipe", "\\"].map(str::to_owned);
    let line = line_of(&words).expect("are words");
    let line = String::from_utf8(line).expect("is text");
    let shell = std::process::Command::new("python3")
        .args([
            "-c",
            "import shlex, sys; print(*shlex.split(sys.argv[1]), sep='|', end='')",
        ])
        .arg(line.trim_end())
        .output()
        .expect("runs");
    assert_eq!(
        String::from_utf8_lossy(&shell.stdout),
        "signtx|a b|it's|\"$HOME\"|--wipe|\\"
    );
    for bad in ["a\nwipe", "a\rb", "\u{0}"] {
        assert!(line_of(&[bad.to_owned()]).is_err(), "{bad:?}");
    }
}

#[test]
fn another_version_is_refused_unless_any_is_wished() {
    let check = |text: &str, any| check_version(Tool::Hwi, &said(text, "", 0), any);
    assert!(check("hwi 3.2.0\n", false).is_ok());
    for other in ["hwi 2.4.0", "hwi 3.20.0", "hwi", "", "3.2"] {
        let refused = check(other, false).expect_err("is another");
        assert_eq!(refused.code(), "TOOL_VERSION", "{other}");
        assert!(check(other, true).is_ok());
    }
    let broken = check_version(Tool::Hwi, &said("hwi 3.2.0", "", 1), true);
    assert_eq!(broken.expect_err("failed").code(), "TOOL_CRASHED");
}

/// What HWI 3.2.0 printed for a real Ledger app in its emulator; see `tests/recorded/README.md`.
fn recorded(name: &str) -> Vec<u8> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded");
    std::fs::read(folder.join(name)).expect("is recorded")
}

#[test]
fn recorded_answers_of_a_ledger_are_a_signature_a_refused_policy_and_a_silent_nothing() {
    let asked = |name: &str| {
        let base64 = recorded(&format!("{name}.psbt"));
        to_binary(&base64).expect("is base64").into_owned()
    };
    let answered = |name: &str| {
        let output = recorded(&format!("{name}.hwi.json"));
        let heard = Said {
            output,
            ..said("", "", 0)
        };
        understood::<SignAnswer>(&heard).and_then(|answer| given_back(answer, &asked(name)))
    };
    for name in ["ms", "msv2"] {
        let psbt = answered(name).expect("is signed");
        assert!(policies::psbt::read_intake(&psbt).is_ok(), "{name}");
    }
    let refused = answered("mini").expect_err("has no miniscript in HWI");
    assert_eq!(refused.code(), "DEVICE_UNSUPPORTED");
    let silent = answered("trm").expect_err("has no script paths in HWI");
    assert_eq!(silent.code(), "DEVICE_DID_NOT_SIGN");
}
