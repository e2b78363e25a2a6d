
# After `cargo verify` the same; what else cargo knows is completed as before.
if declare -F _comp_load >/dev/null; then
    _comp_load cargo
elif declare -F _completion_loader >/dev/null; then
    _completion_loader cargo
fi
_cargo_without_verify=
if [[ $(complete -p cargo 2>/dev/null) =~ -F\ ([^ ]+) && ${BASH_REMATCH[1]} != _cargo_with_verify ]]; then
    _cargo_without_verify=${BASH_REMATCH[1]}
fi
_cargo_with_verify() {
    if [[ COMP_CWORD -gt 1 && ${COMP_WORDS[1]} == verify ]]; then
        COMP_WORDS=(cargo_verify "${COMP_WORDS[@]:2}")
        COMP_CWORD=$((COMP_CWORD - 1))
        _cargo_verify cargo_verify "$2" "$3"
    elif [[ -n $_cargo_without_verify ]]; then
        "$_cargo_without_verify" "$@"
    fi
}
complete -o bashdefault -o default -F _cargo_with_verify cargo
