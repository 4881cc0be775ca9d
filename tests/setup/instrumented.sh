# Sourced: makes cargo build and run the one instrumented build, in a folder of its own. Instrumented
# programs, in which bugs can be planted, must never be taken for those that are used.
if [ -z "${LLVM_COV:-}" ] && [ -x /usr/lib/llvm-22/bin/llvm-cov ]; then
    export LLVM_COV=/usr/lib/llvm-22/bin/llvm-cov LLVM_PROFDATA=/usr/lib/llvm-22/bin/llvm-profdata
fi
# A compiler that is wrapped already must not be wrapped again: the wrapper would start itself for ever.
if [ -n "${CARGO_LLVM_COV:-}" ]; then
    return 0
fi
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}/coverage
environment=$(cargo llvm-cov show-env --sh --no-cfg-coverage)
eval "$environment"
