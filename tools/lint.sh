#!/bin/sh
# The project's style and static checks. Says what is wrong and where; exit status 0 only when nothing is.
set -u
cd "$(dirname "$0")/.." || exit 2

jobs=$(nproc 2>/dev/null || echo 2)
bad=0
build=out/lint
mkdir -p $build

fail() {
    echo "lint: $1"
    bad=$((bad + 1))
}

# Static analysers learn new checks with every version. Those of Debian 12 decide; what others find is only shown.
finding() {
    if [ "$1" = "$2" ]; then
        fail "$3"
    else
        echo "lint: $3 (not counted: this is version $1, version $2 decides)"
    fi
}

# Tracked files and new ones alike, but nothing that .gitignore names and nothing deleted.
files() {
    git ls-files -co --exclude-standard -- "$@" | while IFS= read -r f; do [ -f "$f" ] && echo "$f"; done
}

echo "lint: clang-format"
files '*.c' '*.h' | xargs clang-format --dry-run -Werror || fail "clang-format: run clang-format -i on these files"

echo "lint: calls that hurt"
# Unbounded copies, shells, stack allocation of any size, hidden state. In code, not in comments or strings.
if files '*.c' '*.h' | xargs grep -nE '(^|[^A-Za-z0-9_."])(strcpy|strcat|sprintf|vsprintf|stpcpy|gets|strtok|alloca|system|popen|mktemp|tmpnam|atoi|atol|rand|srand)[[:space:]]*\(' |
    grep -vE ':[[:space:]]*(/?\*|//)'; then
    fail "forbidden calls, see above"
fi
if files 'core/*.c' 'core/*.h' | xargs grep -nE '(^|[^A-Za-z0-9_])(getenv|setenv|putenv|secure_getenv)[[:space:]]*\('; then
    fail "the runtime takes nothing from the environment"
fi
# The process that holds the key links no HTTP, TLS, JSON or YAML.
if files 'core/nacred/*' | xargs grep -nE '#include.*(microhttpd|curl|openssl|gnutls|json|yaml)'; then
    fail "core/nacred includes what belongs elsewhere"
fi

echo "lint: scripts"
files '*.sh' '.ci/*' | while IFS= read -r f; do
    case $(head -n 1 "$f") in
    *bash) bash -n "$f" ;;
    *) sh -n "$f" ;;
    esac || echo "$f"
done | grep . && fail "shell scripts"
files '*.py' | xargs /usr/bin/python3 -c '
import ast, sys
for name in sys.argv[1:]:
    ast.parse(open(name, encoding="utf-8").read(), name)
' || fail "python scripts"

echo "lint: clang as the second compiler"
if ! CC=clang cmake -S . -B $build -G Ninja --log-level=WARNING >$build.log 2>&1 || ! cmake --build $build -j "$jobs" >>$build.log 2>&1; then
    grep -E 'error|warning|FAILED' $build.log | head -40
    fail "clang build, see $build.log"
fi

echo "lint: the public headers alone"
for h in include/nacre/*.h; do
    for cc in 'gcc -std=c11 -x c' 'clang -std=c11 -x c' 'g++ -std=c++11 -x c++'; do
        echo "#include <${h#include/}>" | $cc -I include -pedantic -Wall -Wextra -Werror -fsyntax-only - ||
            fail "$h with $cc"
    done
done

# Only what is compiled for this build: files of another architecture or option are not known to it.
compiled=$(/usr/bin/python3 -c '
import json, os
for e in json.load(open("'$build'/compile_commands.json")):
    print(os.path.relpath(os.path.join(e["directory"], e["file"])))' | sort -u)

echo "lint: clang-tidy"
# The analyzer takes most of the time and looks for what tests show when they run: it is for the programs.
tidy() {
    xargs -r -P "$jobs" -n 4 clang-tidy -p $build --quiet "$@" 2>/dev/null |
        grep -E '^[^ ]+:[0-9]+:[0-9]+: (error|warning):'
}
{
    echo "$compiled" | grep -v '^tests/' | tidy
    echo "$compiled" | grep '^tests/' | tidy '--checks=-clang-analyzer-*'
} | sort -u >$build/tidy.log
if [ -s $build/tidy.log ]; then
    head -60 $build/tidy.log
    finding "$(clang-tidy --version | grep -o 'version [0-9]*' | grep -o '[0-9]*')" 14 \
        "clang-tidy: $(wc -l <$build/tidy.log) findings, see $build/tidy.log"
fi

echo "lint: cppcheck"
# It cannot expand the macros that declare records; both compilers and clang-tidy read those files.
cppcheck --project=$build/compile_commands.json --enable=warning,performance,portability --inline-suppr --quiet \
    --suppress=missingIncludeSystem '--suppress=syntaxError:plugins/*' '--suppress=syntaxError:tests/e2e/plugins/*' --suppress=normalCheckLevelMaxBranches --suppress=checkersReport \
    --template='{file}:{line}: {severity}: {message} [{id}]' --error-exitcode=1 -j "$jobs" \
    --cppcheck-build-dir="$(mkdir -p $build/cppcheck && echo $build/cppcheck)" ||
    finding "$(cppcheck --version | grep -o '[0-9.]*')" 2.10 "cppcheck"

if [ $bad -gt 0 ]; then
    echo "lint: $bad checks failed"
    exit 1
fi
echo "lint: clean"
