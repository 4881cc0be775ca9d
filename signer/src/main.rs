//! `countersign-signer`: reviews, journals and signs; the approver's and requester's own tool.

fn main() -> std::process::ExitCode {
    signer::command::run(std::env::args_os())
}
