#!/usr/bin/env bash
# Holds the program against the answer key and against the slow reference, on synthetic tenants of many seeds.
#
#     benches/compare_seeds.sh FROM TO [OPTIONS OF synth...]      e.g. 1 1000 --as entra-exporter
#
# ENTRACE names the program (default: target/release/entrace). Exits 1 at the first seed that differs, and keeps its
# evidence, table and key in the folder that it names.
set -euo pipefail

if [ $# -lt 2 ]; then
    sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
root=$(cd "$(dirname "$0")/.." && pwd)
program=${ENTRACE:-$root/target/release/entrace}
from=$1 to=$2
shift 2
case " $* " in *" --users"*) ;; *) set -- --users 60 "$@" ;; esac
case " $* " in *" --snapshots"*) ;; *) set -- --snapshots 5 "$@" ;; esac
folder=$(mktemp -d "${TMPDIR:-/tmp}/entrace-seeds.XXXXXX")

for seed in $(seq "$from" "$to"); do
    tenant=$folder/$seed
    if ! {
        "$program" synth -o "$tenant" --seed "$seed" "$@" >"$tenant.log" 2>&1 &&
        "$program" timeline "$tenant" --format csv >"$tenant.csv" 2>>"$tenant.log" &&
        python3 "$root/benches/reference.py" "$tenant" --compare "$tenant.csv" "$tenant.answer-key.json" 2>>"$tenant.log"
    }; then
        cat "$tenant.log" >&2
        echo "seed $seed ($*) differs: $tenant" >&2
        exit 1
    fi
    rm -rf "$tenant" "$tenant".*
done
rmdir "$folder"
echo "seeds $from to $to ($*): no difference"
