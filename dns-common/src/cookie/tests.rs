use proptest::prelude::*;

use super::*;

/// The words of hexadecimal octets.
fn words<const N: usize>(hex: &str) -> [u64; N] {
    assert_eq!(hex.len(), 16 * N);
    let word = |number: usize| {
        let digits = &hex[16 * number..16 * number + 16];
        u64::from_str_radix(digits, 16)
            .expect("hexadecimal")
            .swap_bytes()
    };
    std::array::from_fn(word)
}

fn secret(hex: &str) -> Secret {
    let [first, second] = words(hex);
    Secret(first, second)
}

fn source(address: &str) -> Source {
    let address: std::net::IpAddr = address.parse().expect("an address");
    address.into()
}

/// Client cookie and server cookie of an option.
fn cookies(hex: &str) -> (u64, (u64, u64)) {
    let [client, first, second] = words(hex);
    (client, (first, second))
}

const SECRET: &str = "e5e973e5a6b2a43f48e7dc849e37bfcf";
const CLIENT_1: &str = "198.51.100.100";
const CLIENT_2: &str = "203.0.113.203";
const CLIENT_3: &str = "2001:db8:220:1:59de:d0f4:8769:82b8";

#[test]
fn rfc9018_a_1_learning_a_new_server_cookie() {
    let now_s = 1_559_731_985;
    let (client, expected) = cookies("2464c4abcf10c957010000005cf79f111f8130c3eee29480");
    let made = make(secret(SECRET), client, source(CLIENT_1), now_s);
    assert_eq!(made, expected);
    let checked = check(secret(SECRET), client, made, source(CLIENT_1), now_s);
    assert_eq!(checked, Validity::Fresh);
}

#[test]
fn rfc9018_a_2_the_same_client_learning_a_renewed_server_cookie() {
    let now_s = 1_559_734_385;
    let (client, asked) = cookies("2464c4abcf10c957010000005cf79f111f8130c3eee29480");
    let checked = check(secret(SECRET), client, asked, source(CLIENT_1), now_s);
    assert_eq!(checked, Validity::Old, "40 minutes");
    let (_, expected) = cookies("2464c4abcf10c957010000005cf7a871d4a564a1442aca77");
    let made = make(secret(SECRET), client, source(CLIENT_1), now_s);
    assert_eq!(made, expected);
}

#[test]
fn rfc9018_a_3_another_client_learning_a_renewed_server_cookie() {
    let (asked_s, now_s) = (1_559_727_985, 1_559_734_700);
    let (client, asked) = cookies("fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5");
    let checked = |now_s| check(secret(SECRET), client, asked, source(CLIENT_2), now_s);
    // Reserved octets are set, and hashed as they are (section 4.2).
    assert_eq!(checked(asked_s), Validity::Fresh);
    assert_eq!(checked(asked_s + 3600), Validity::Old);
    // The example's age, nearly two hours, is past what section 4.3 allows.
    assert_eq!(checked(now_s), Validity::Invalid);
    let (_, expected) = cookies("fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e");
    let made = make(secret(SECRET), client, source(CLIENT_2), now_s);
    assert_eq!(made, expected);
}

#[test]
fn rfc9018_a_4_ipv6_query_with_rolled_over_secret() {
    let now_s = 1_559_741_961;
    let old = secret("dd3bdf9344b678b185a6f5cb60fca715");
    let new = secret("445536bcd2513298075a5d379663c962");
    let (client, asked) = cookies("22681ab97d52c298010000005cf7c57926556bd0934c72f8");
    let checked = |secret| check(secret, client, asked, source(CLIENT_3), now_s);
    assert_eq!(checked(new), Validity::Invalid);
    assert_eq!(checked(old), Validity::Fresh, "144 seconds");
    let (_, expected) = cookies("22681ab97d52c298010000005cf7c609a6bb79d16625507a");
    assert_eq!(make(new, client, source(CLIENT_3), now_s), expected);
}

#[test]
fn siphash_2_4_of_whole_words_and_what_is_left() {
    // The reference implementation's vectors: octets 00 01 02 … under the key 00 01 …
    // 0f; the one for 15 octets is in the paper.
    let key = Secret(0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908);
    for (len, expected) in [
        (0_u8, 0x726f_db47_dd0e_0e31),
        (1, 0x74f8_39c5_93dc_67fd),
        (2, 0x0d6c_8009_d9a9_4f5a),
        (3, 0x8567_6696_d7fb_7e2d),
        (4, 0xcf27_94e0_2771_87b7),
        (7, 0xab02_00f5_8b01_d137),
        (8, 0x93f5_f579_9a93_2462),
        (15, 0xa129_ca61_49be_45e5),
        (16, 0x3f2a_cc7f_57c2_9bdb),
        (20, 0xbed6_5cf2_1aa2_ee98),
        (32, 0x7127_512f_72f2_7cce),
    ] {
        let octets: Vec<u8> = (0..len).collect();
        let mut state = SipHash::new(key);
        let words = octets.chunks_exact(8);
        let mut last = [0; 8];
        last[..words.remainder().len()].copy_from_slice(words.remainder());
        last[7] = len;
        for word in words {
            state.word(u64::from_le_bytes(word.try_into().expect("eight octets")));
        }
        assert_eq!(state.finish(u64::from_le_bytes(last)), expected, "{len}");
    }
}

#[test]
fn rfc9018_4_3_ages_at_their_bounds() {
    let secret = secret(SECRET);
    let here = source(CLIENT_1);
    // The time stamp wraps in 2106; nobody's cookie ends with it.
    for made_s in [1_559_731_985, 0, 100, u32::MAX, u32::MAX - 1000, 1 << 31] {
        let server = make(secret, 5, here, made_s);
        for (age_s, expected) in [
            (0, Validity::Fresh),
            (1799, Validity::Fresh),
            (1800, Validity::Old),
            (3600, Validity::Old),
            (3601, Validity::Invalid),
            (-1, Validity::Fresh),
            (-300, Validity::Fresh),
            (-301, Validity::Invalid),
            (i32::MAX, Validity::Invalid),
            (i32::MIN, Validity::Invalid),
        ] {
            let now_s = made_s.wrapping_add_signed(age_s);
            let checked = check(secret, 5, server, here, now_s);
            assert_eq!(checked, expected, "made {made_s}, {age_s} s old");
        }
    }
}

#[test]
fn rfc9018_4_2_only_version_1_is_ours() {
    let (secret, here, now_s) = (secret(SECRET), source(CLIENT_1), 1_559_731_985);
    let made = make(secret, 5, here, now_s);
    assert_eq!(made.0.to_le_bytes()[..4], [1, 0, 0, 0]);
    for version in (0..=u8::MAX).filter(|version| *version != 1) {
        let first = made.0 & !0xff | u64::from(version);
        // Even one that hashes right.
        let server = (first, hash(secret, 5, first, here));
        let checked = check(secret, 5, server, here, now_s);
        assert_eq!(checked, Validity::Invalid, "version {version}");
    }
}

#[test]
fn a_secret_is_not_printed() {
    let printed = format!("{:?}", secret(SECRET));
    assert_eq!(printed, "Secret(…)");
}

proptest! {
    #[test]
    fn a_cookie_is_good_for_one_client_address_and_secret(
        key: (u64, u64),
        client: u64,
        high: u64,
        low: u64,
        v4: bool,
        now_s: u32,
        bit in 0..64,
    ) {
        let secret = Secret(key.0, key.1);
        let source = |high, low| if v4 { Source::V4(low as u32) } else { Source::V6(high, low) };
        let here = source(high, low);
        let server = make(secret, client, here, now_s);
        let flip = 1_u64 << bit;
        prop_assert_eq!(check(secret, client, server, here, now_s), Validity::Fresh);
        for other in [Secret(key.0 ^ flip, key.1), Secret(key.0, key.1 ^ flip)] {
            prop_assert_eq!(check(other, client, server, here, now_s), Validity::Invalid);
        }
        prop_assert_eq!(check(secret, client ^ flip, server, here, now_s), Validity::Invalid);
        let forged = (server.0, server.1 ^ flip);
        prop_assert_eq!(check(secret, client, forged, here, now_s), Validity::Invalid);
        let forged = (server.0 ^ flip, server.1);
        prop_assert_eq!(check(secret, client, forged, here, now_s), Validity::Invalid);
        for there in [source(high, low ^ (1_u64 << (bit % 32))), source(high ^ flip, low)] {
            let expected = if there == here { Validity::Fresh } else { Validity::Invalid };
            prop_assert_eq!(check(secret, client, server, there, now_s), expected);
        }
    }
}

proptest! {
    #[test]
    fn by_one_hash_comes_the_same_or_nothing(
        client: u64,
        ours: bool,
        wrong in 0..2_u64,
        server: (u64, u64),
        age in -400_i32..4000,
        now_s: u32,
        address: u32,
    ) {
        let (secret, source) = (secret(SECRET), Source::V4(address));
        let server = if ours {
            let (first, hash) = make(secret, client, source, now_s.wrapping_sub_signed(age));
            (first, hash ^ wrong)
        } else {
            server
        };
        let validity = check(secret, client, server, source, now_s);
        let expected = match validity {
            Validity::Fresh => Some((server, validity)),
            Validity::Old => None,
            Validity::Invalid => Some((make(secret, client, source, now_s), validity)),
        };
        let most = most(secret, client, server, source, now_s);
        // One that can be valid, but is not, may be by another secret.
        prop_assert!(most == expected || most.is_none() && validity == Validity::Invalid);
        let is_old_enough = ours && !(-300..=3600).contains(&age);
        prop_assert!(!is_old_enough || most.is_some(), "{age} s");
    }
}
