//! A tool that breaks in the middle of signing, and a device or human that says no.

use super::fake::Bench;

#[test]
fn a_human_or_device_that_says_no_is_named_and_asked_again_by_the_same_command() {
    Bench::new().each(&[
        ("sign_refused", "REFUSED_ON_DEVICE"),
        ("sign_canceled", "REFUSED_ON_DEVICE"),
        ("sign_busy", "DEVICE_BUSY"),
        ("sign_left_over", "DEVICE_BUSY"),
        ("sign_gone", "DEVICE_GONE"),
        ("sign_unsupported", "DEVICE_UNSUPPORTED"),
        ("sign_not_enrolled", "NOT_REGISTERED"),
        ("sign_unknown", "DEVICE_FAILED"),
        ("sign_usage", "DEVICE_FAILED"),
    ]);
}

#[test]
fn a_tool_that_breaks_off_or_babbles_is_named_and_nothing_of_it_is_taken() {
    Bench::new().each(&[
        ("sign_traceback", "TOOL_CRASHED"),
        ("sign_libusb", "LIBUSB_MISSING"),
        ("sign_segfault", "TOOL_CRASHED"),
        ("sign_failed", "TOOL_CRASHED"),
        ("sign_nothing", "TOOL_ANSWER"),
        ("sign_garbage", "TOOL_ANSWER"),
        ("sign_partial", "TOOL_ANSWER"),
        ("sign_twice", "TOOL_ANSWER"),
        ("sign_warning", "TOOL_ANSWER"),
        ("sign_doubled", "TOOL_ANSWER"),
        ("sign_bytes", "TOOL_ANSWER"),
        ("sign_null", "TOOL_ANSWER"),
        ("sign_number", "TOOL_ANSWER"),
        ("sign_without", "TOOL_ANSWER"),
        ("sign_endless", "TOOL_ANSWER"),
    ]);
}

#[test]
fn a_tool_that_takes_too_long_is_ended_with_all_that_it_started() {
    let bench = Bench::new();
    bench.each(&[
        ("sign_hang", "DEVICE_TIMED_OUT"),
        ("sign_stubborn", "DEVICE_TIMED_OUT"),
        ("sign_late", "DEVICE_TIMED_OUT"),
        ("sign_silent", "DEVICE_TIMED_OUT"),
    ]);
}
