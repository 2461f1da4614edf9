# Makes a service's MongoDB users and roles, or sets the passwords of the users that are there. The database comes to be with its first
# document. Arguments: its name, the passwords of its owner and of the processes api, consumer and relay.
# The roles of the processes are made empty: the owner gives them their rights with each migration, and can make neither users nor roles.
set -eu
name=$1 password=$2

run() {
    # shellcheck disable=SC2086 # words for mongosh, or none
    mongosh --quiet --host mongodb ${TLS:-} --username infirmary --password "$ADMINISTRATOR_PASSWORD" \
        --authenticationDatabase admin "$1" --eval "db.runCommand($2)"
}

# Changes a role of the database: what it has and is not named stays.
put_role() {
    run "$name" "{updateRole: '$1', $2}" >/dev/null 2>&1 || run "$name" "{createRole: '$1', $2${3:-}}"
}

put_user() {
    fields="pwd: '$2', roles: [$3]"
    run admin "{updateUser: '$1', $fields}" >/dev/null 2>&1 || run admin "{createUser: '$1', $fields}"
}

actions="['collMod', 'grantRole', 'revokeRole', 'viewRole']"
put_role "${name}_owner" "privileges: [{resource: {db: '$name', collection: ''}, actions: $actions}], roles: []"
put_user "$name" "$password" "{role: 'readWrite', db: '$name'}, {role: '${name}_owner', db: '$name'}"
shift 2
for process in api consumer relay; do
    put_role "${name}_$process" "roles: []" ", privileges: []"
    put_user "${name}_$process" "$1" "{role: '${name}_$process', db: '$name'}"
    shift
done
