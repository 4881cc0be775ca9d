#!/usr/bin/env bash
# Documents cannot rot: every command that they show exists, and every link inside leads somewhere.
# A command is a line `$ …` in a console block. Of `make` the target must be there, of our programs
# the verb with each option; `make demo` and `make check` themselves are run by scenarios and by CI.
set -euo pipefail
cd "$(dirname "$0")/../.."

wrong=0
# Programs that only show their help leave no trace of coverage here.
export LLVM_PROFILE_FILE=/dev/null
complain() { printf '%s: %s\n' "$1" "$2" >&2; wrong=1; }

# Built only if a document shows one of our programs.
programs=
program() {
    if [ -z "$programs" ]; then
        # The one instrumented build, which the tests have made already.
        . tests/setup/instrumented.sh
        cargo build --workspace --bins --locked --quiet --features countersign-tests/planted
        programs=$CARGO_TARGET_DIR/debug
    fi
    echo "$programs/$1"
}

# verb FILE PROGRAM WORDS…: the words before the first option are verbs, if clap knows them.
verb() {
    local file=$1 name=$2 path help word; shift 2
    path=$(program "$name")
    local verbs=()
    for word in "$@"; do
        [[ $word =~ ^[a-z][a-z-]*$ ]] || break
        "$path" "${verbs[@]}" "$word" --help >/dev/null 2>&1 || break
        verbs+=("$word")
    done
    [ "${#verbs[@]}" -gt 0 ] || { complain "$file" "$name has no verb ${1:-}"; return; }
    help=$("$path" "${verbs[@]}" --help)
    for word in "$@"; do
        [[ $word == --* ]] || continue
        grep -qF -- "${word%%=*}" <<<"$help" || complain "$file" "$name ${verbs[*]} has no ${word%%=*}"
    done
}

shown=0
while IFS= read -r found; do
    file=${found%%:*} command=${found#*:\$ }
    shown=$((shown + 1))
    # A variable before a command, and what a shell does after it, are no words of it.
    read -ra words <<<"$(sed -E 's/^([A-Z_]+=[^ ]* )+//; s/ (\||>|<|&&|#).*//' <<<"$command")"
    case ${words[0]} in
        make) grep -qE "^${words[1]:-help}:" Makefile || complain "$file" "no target: $command" ;;
        countersign-*) verb "$file" "${words[@]}" ;;
        git | cargo | source | cd | sudo | curl | export | sha256sum | ffmpeg) ;;
        *) complain "$file" "nobody checks this command: $command" ;;
    esac
done < <(awk '/^```console/ { inside = 1; next } /^```/ { inside = 0 }
              inside && /^\$ / { print FILENAME ":" $0 }' ./*.md docs/*.md docs/adr/*.md)

links=0
while IFS= read -r found; do
    file=${found%%:*} link=${found#*:}
    link=${link#](} link=${link%)} link=${link%%#*}
    case $link in '' | http://* | https://* | mailto:*) continue ;; esac
    links=$((links + 1))
    [ -e "$(dirname "$file")/$link" ] || complain "$file" "the link $link leads nowhere"
done < <(grep -oE '\]\([^) ]+\)' ./*.md docs/*.md docs/adr/*.md)

[ "$shown" -gt 0 ] && [ "$links" -gt 0 ] || complain docs "no command or no link was found to check"
[ "$wrong" = 0 ] || exit 1
printf '%s commands and %s links of the documents are as they say\n' "$shown" "$links"
