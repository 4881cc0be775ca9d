//! A child ends with its call: by itself, by its deadline, by a wish, and with all that it started.

use super::*;
use crate::device::watch::Cancel;

fn call(script: &str) -> Call {
    Call {
        arguments: vec!["-c".into(), script.into()],
        input: Vec::new(),
    }
}

fn within(seconds: u64, cancel: &Cancel, call: Call) -> Result<Said, ChildError> {
    let watch = Watch {
        deadline: Duration::from_secs(seconds),
        cancel,
        tick: &|_| (),
    };
    run(Path::new("/bin/sh"), call, &watch)
}

fn said(script: &str) -> Said {
    within(20, &Cancel::default(), call(script)).expect("ends by itself")
}

/// Whether any process of a group runs; one that has ended and that nobody asks about does not.
fn group_lives(leader: &str) -> bool {
    let processes = std::fs::read_dir("/proc").expect("is there");
    let stats = processes.filter_map(|one| {
        let path = one.ok()?.path().join("stat");
        std::fs::read_to_string(path).ok()
    });
    let mut states = stats.filter_map(|stat| {
        // NUMBER (NAME) STATE PARENT GROUP …, and a name may hold anything.
        let (_, rest) = stat.rsplit_once(')')?;
        let mut fields = rest.split_whitespace();
        let state = fields.next()?.to_owned();
        (fields.nth(1)? == leader.trim()).then_some(state)
    });
    states.any(|state| state != "Z" && state != "X")
}

#[test]
fn what_it_says_complains_and_ends_with_is_told() {
    let heard = said("echo yes; echo no >&2; exit 3");
    assert_eq!(heard.output, b"yes\n");
    assert_eq!(heard.complaint, "no\n");
    assert_eq!(heard.status.code(), Some(3));
}

#[test]
fn its_input_comes_whole_however_large_and_one_that_reads_nothing_is_no_trouble() {
    let cancel = Cancel::default();
    let large = Call {
        input: vec![b'x'; 3_000_000],
        ..call("wc -c")
    };
    let heard = within(20, &cancel, large.clone()).expect("ends");
    assert_eq!(heard.output.trim_ascii(), b"3000000");
    let deaf = Call {
        arguments: call("exec true").arguments,
        ..large
    };
    assert!(within(20, &cancel, deaf).is_ok());
}

#[test]
fn its_environment_holds_what_was_named_and_nothing_else() {
    let names = "PATH HOME LANG LC_ALL LC_CTYPE TMPDIR XDG_CACHE_HOME XDG_CONFIG_HOME XDG_DATA_HOME \
                 XDG_RUNTIME_DIR PYTHONIOENCODING PYTHONDONTWRITEBYTECODE PWD OLDPWD SHLVL _";
    let heard = said("env");
    for line in String::from_utf8_lossy(&heard.output).lines() {
        let name = line.split('=').next().unwrap_or_default();
        assert!(names.split(' ').any(|known| known == name), "{line}");
    }
}

#[test]
fn one_that_hangs_is_killed_at_the_deadline_with_what_it_started() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let number = folder.path().join("number");
    let script = format!(
        "echo $$ >{}; trap '' TERM; sleep 600 & sleep 600",
        number.display()
    );
    let begun = Instant::now();
    let error = within(1, &Cancel::default(), call(&script)).expect_err("hangs");
    assert!(matches!(error, ChildError::TimedOut(_)), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(10));
    let leader = std::fs::read_to_string(number).expect("was written");
    assert!(!group_lives(&leader));
}

#[test]
fn a_helper_that_it_leaves_is_killed_and_its_answer_still_counts() {
    let heard = said("sleep 600 & echo $$");
    let leader = String::from_utf8_lossy(&heard.output).into_owned();
    assert!(!group_lives(&leader));
}

#[test]
fn a_wish_ends_it_long_before_the_deadline() {
    let cancel = Cancel::default();
    let wisher = cancel.clone();
    let watch = Watch {
        deadline: Duration::from_mins(1),
        cancel: &cancel,
        // The first second has passed.
        tick: &|_| wisher.wish(),
    };
    let begun = Instant::now();
    let error = run(Path::new("/bin/sh"), call("sleep 600"), &watch).expect_err("is stopped");
    assert!(matches!(error, ChildError::Cancelled), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[test]
fn one_that_never_stops_speaking_is_stopped_and_its_complaints_are_bounded() {
    let error = within(30, &Cancel::default(), call("yes")).expect_err("is endless");
    assert!(matches!(error, ChildError::Flood), "{error}");
    let heard = said("yes complaint | head -c 300000 >&2; echo last >&2; echo done");
    assert_eq!(heard.output, b"done\n");
    assert_eq!(heard.complaint.len(), MOST_COMPLAINED);
    assert!(heard.complaint.ends_with("last\n"));
}

#[test]
fn a_program_that_is_not_there_or_does_not_start_is_told_so() {
    let cancel = Cancel::default();
    let watch = Watch {
        deadline: Duration::from_secs(5),
        cancel: &cancel,
        tick: &|_| (),
    };
    let missing = run(Path::new("/nowhere/hwi"), Call::default(), &watch);
    assert!(matches!(missing, Err(ChildError::Missing)));
    let folder = run(Path::new("/"), Call::default(), &watch);
    assert!(matches!(folder, Err(ChildError::NotStarted(_))));
}
