# Makes a service's MongoDB user, who can read and write one database and no other, or sets the password of the one that is there.
# Arguments: the name of the database and of its user, the password. The database comes to be with its first document.
set -eu
name=$1 password=$2

administer() {
    mongosh --quiet --host mongodb --username infirmary --password "$ADMINISTRATOR_PASSWORD" \
        --authenticationDatabase admin admin --eval "db.adminCommand($1)"
}

rights="pwd: '$password', roles: [{role: 'readWrite', db: '$name'}]"
administer "{updateUser: '$name', $rights}" >/dev/null 2>&1 || administer "{createUser: '$name', $rights}"
