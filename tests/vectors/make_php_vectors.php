<?php
// Old hashes as PHP pages made them, one JSON object a line: php make_php_vectors.php > php.jsonl
// phpass is Openwall's 0.5, Drupal's is includes/password.inc of 7: both are their loops, verbatim in meaning.

const PASSWORDS = ['Rahasia#2019', 'kata sandi dengan spasi ', "caf\u{e9}\u{2603}\u{1F600} 1234"];
const ITOA64 = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

function say(string $kind, string $scheme, string $password, string $hash, array $params = []): void
{
    echo json_encode(
        ['maker' => 'php', 'kind' => $kind, 'scheme' => $scheme, 'password' => $password,
         'hash' => $hash, 'params' => (object) $params],
        JSON_UNESCAPED_SLASHES | JSON_THROW_ON_ERROR
    ), "\n";
}

function encode64(string $input, int $count): string
{
    $output = '';
    $i = 0;
    do {
        $value = ord($input[$i++]);
        $output .= ITOA64[$value & 0x3f];
        if ($i < $count) { $value |= ord($input[$i]) << 8; }
        $output .= ITOA64[($value >> 6) & 0x3f];
        if ($i++ >= $count) { break; }
        if ($i < $count) { $value |= ord($input[$i]) << 16; }
        $output .= ITOA64[($value >> 12) & 0x3f];
        if ($i++ >= $count) { break; }
        $output .= ITOA64[($value >> 18) & 0x3f];
    } while ($i < $count);
    return $output;
}

function phpass(string $algorithm, string $setting, string $password): string
{
    $rounds = 1 << strpos(ITOA64, $setting[3]);
    $salt = substr($setting, 4, 8);
    $hash = hash($algorithm, $salt . $password, true);
    do { $hash = hash($algorithm, $hash . $password, true); } while (--$rounds);
    return substr($setting, 0, 12) . encode64($hash, strlen($hash));
}

foreach (PASSWORDS as $number => $password) {
    $salt = ['a1B2c3', 'zz', 'Garam/9=x'][$number];
    say('bcrypt', 'bcrypt', $password, password_hash($password, PASSWORD_BCRYPT, ['cost' => 5]));
    say('bcrypt 2a', 'bcrypt', $password, crypt($password, '$2a$04$' . str_repeat('Kem', 7) . 'u'));
    say('bcrypt 2b', 'bcrypt', $password, str_replace('$2y$', '$2b$', password_hash($password, PASSWORD_BCRYPT, ['cost' => 4])));
    foreach (['argon2i' => PASSWORD_ARGON2I, 'argon2id' => PASSWORD_ARGON2ID] as $name => $kind) {
        say($name, $name, $password, password_hash($password, $kind, ['memory_cost' => 64 << $number, 'time_cost' => 1 + $number]));
    }
    say('sha256_crypt', 'sha256_crypt', $password, crypt($password, '$5$rounds=' . (1000 + $number) . '$' . "garam$number" . '$'));
    say('sha512_crypt', 'sha512_crypt', $password, crypt($password, ['$6$abcdefghijklmnop$', '$6$rounds=1500$x$', '$6$rounds=1000$Kem.naker$'][$number]));
    say('md5_crypt', 'md5_crypt', $password, crypt($password, ['$1$abcdefgh$', '$1$x$', '$1$./12$'][$number]));
    say('phpass', 'phpass', $password, phpass('md5', ['$P$', '$H$', '$P$'][$number] . ITOA64[8 + $number] . 'saltsal' . $number, $password));
    say('drupal7', 'drupal7', $password, substr(phpass('sha512', '$S$' . ITOA64[8 + $number] . 'Drupal0' . $number, $password), 0, 55));
    say('drupal7 from 6', 'drupal7', $password, 'U' . substr(phpass('sha512', '$S$' . ITOA64[8] . 'Drupal6' . $number, md5($password)), 0, 55));
    say('wordpress', 'wordpress', $password, '$wp' . password_hash(base64_encode(hash_hmac('sha384', trim($password), 'wp-sha384', true)), PASSWORD_BCRYPT, ['cost' => 4]));
    foreach (['sha1', 'sha256', 'sha512'] as $digest) {
        $key = hash_pbkdf2($digest, $password, $salt, 1000 + $number, 0, false);
        say("pbkdf2_$digest", "pbkdf2_$digest", $password, $key, ['salt' => $salt, 'iterations' => 1000 + $number, 'encoding' => 'hex']);
    }
    $key = hash_pbkdf2('sha256', $password, hex2bin('00ff10'), 4096, 24, true);
    say('pbkdf2', 'pbkdf2', $password, base64_encode($key), ['salt' => '00ff10', 'salt_encoding' => 'hex', 'iterations' => 4096, 'digest' => 'sha256', 'encoding' => 'base64']);
    foreach (['md5', 'sha1', 'sha256'] as $digest) {
        say($digest, $digest, $password, hash($digest, $password));
        say("$digest upper", $digest, $password, strtoupper(hash($digest, $password)), ['encoding' => 'hex']);
        say("$digest base64", $digest, $password, base64_encode(hash($digest, $password, true)), ['encoding' => 'base64']);
        say("$digest prefix", "{$digest}_salted", $password, hash($digest, $salt . $password), ['salt' => $salt, 'salt_position' => 'prefix']);
        say("$digest suffix", "{$digest}_salted", $password, hash($digest, $password . $salt), ['salt' => $salt, 'salt_position' => 'suffix']);
        say("$digest nested", "{$digest}_salted", $password, hash($digest, hash($digest, $password) . $salt), ['salt' => $salt, 'salt_position' => 'nested']);
        say("$digest nested prefix", "{$digest}_salted", $password, hash($digest, $salt . hash($digest, $password)), ['salt' => $salt, 'salt_position' => 'nested-prefix']);
        say("$digest both", "{$digest}_salted", $password, hash($digest, $salt . $password . $salt), ['salt' => $salt, 'salt_position' => 'both']);
        say("$digest salt base64", "{$digest}_salted", $password, base64_encode(hash($digest, $salt . $password, true)), ['salt' => base64_encode($salt), 'salt_encoding' => 'base64', 'encoding' => 'base64']);
        $hash = $password;
        for ($round = 0; $round < 7; $round++) { $hash = hash($digest, $salt . $hash); }
        say("$digest rounds", "{$digest}_salted", $password, $hash, ['salt' => $salt, 'iterations' => 7]);
    }
    say('md5_md5', 'md5_md5', $password, md5(md5($password)));
    say('md5_sha1', 'md5_sha1', $password, md5(sha1($password)));
    say('sha1_md5', 'sha1_md5', $password, sha1(md5($password)));
    say('sha1_sha1', 'sha1_sha1', $password, sha1(sha1($password)));
    say('mysql41', 'mysql41', $password, '*' . strtoupper(sha1(sha1($password, true))));
    say('vbulletin', 'vbulletin', $password, md5(md5($password) . $salt), ['salt' => $salt]);
    say('ipb', 'ipb', $password, md5(md5($salt) . md5($password)), ['salt' => $salt]);
    say('opencart', 'opencart', $password, sha1($salt . sha1($salt . sha1($password))), ['salt' => $salt]);
    say('joomla', 'joomla', $password, md5($password . $salt) . ':' . $salt);
    say('recipe', 'recipe', $password, sha1('naker' . strtoupper(md5($password)) . $salt), ['recipe' => "sha1('naker' . upper(md5(pass)) . salt)", 'salt' => $salt]);
    say('recipe raw', 'recipe', $password, hash('sha256', base64_encode(hash('sha512', $password, true))), ['recipe' => 'sha256(base64(raw_sha512(pass)))']);
    say('ldap ssha', 'ssha', $password, '{SSHA}' . base64_encode(sha1($password . 'garam!!8', true) . 'garam!!8'));
    say('ldap sha', 'ldap', $password, '{SHA}' . base64_encode(sha1($password, true)));
    say('ldap smd5', 'ldap', $password, '{SMD5}' . base64_encode(md5($password . 'zz', true) . 'zz'));
    say('ldap crypt', 'ldap', $password, '{CRYPT}' . crypt($password, '$1$ldap$'));
}
$long = str_repeat('0123456789', 8);
say('bcrypt 72', 'bcrypt', $long, password_hash($long, PASSWORD_BCRYPT, ['cost' => 4]));
say('bcrypt 72', 'bcrypt', substr($long, 0, 72), password_hash($long, PASSWORD_BCRYPT, ['cost' => 4]));
say('bcrypt 72', 'bcrypt', substr($long, 0, 72) . 'something else', password_hash($long, PASSWORD_BCRYPT, ['cost' => 4]));
