#!/bin/sh
# Old hashes by OpenSSL 3's `passwd` and `kdf`, and by Apache's `htpasswd`: sh make_openssl_vectors.sh > openssl.jsonl
set -eu
tell() { # kind scheme password hash params
    printf '{"maker": "openssl", "kind": "%s", "scheme": "%s", "password": "%s", "hash": "%s", "params": %s}\n' "$@"
}
number=0
for password in 'Rahasia#2019' 'kata sandi dengan spasi ' 'café☃ 1234'; do
    number=$((number + 1))
    tell 'openssl 5' sha256_crypt "$password" "$(openssl passwd -5 -salt "garam$number" "$password")" '{}'
    tell 'openssl 6' sha512_crypt "$password" "$(openssl passwd -6 -salt "garam$number" "$password")" '{}'
    tell 'openssl 1' md5_crypt "$password" "$(openssl passwd -1 -salt "garam$number" "$password")" '{}'
    tell 'openssl apr1' apr_md5_crypt "$password" "$(openssl passwd -apr1 -salt "garam$number" "$password")" '{}'
    for digest in sha1 sha256 sha512; do
        key=$(openssl kdf -keylen 32 -kdfopt digest:$digest -kdfopt "pass:$password" -kdfopt "salt:garam$number" -kdfopt iter:2000 PBKDF2 | tr -d ':\n')
        tell "openssl pbkdf2 $digest" pbkdf2_$digest "$password" "$key" "{\"salt\": \"garam$number\", \"iterations\": 2000}"
    done
    key=$(openssl kdf -keylen 32 -kdfopt "pass:$password" -kdfopt "salt:garam$number" -kdfopt n:1024 -kdfopt r:8 -kdfopt p:1 SCRYPT | tr -d ':\n')
    tell 'openssl scrypt' scrypt "$password" "$key" "{\"salt\": \"garam$number\", \"n\": 1024, \"r\": 8, \"p\": 1}"
    tell 'htpasswd bcrypt' bcrypt "$password" "$(htpasswd -nbBC 4 x "$password" | sed -n 's/^x://p')" '{}'
    tell 'htpasswd sha' ldap "$password" "$(htpasswd -nbs x "$password" | sed -n 's/^x://p')" '{}'
done
