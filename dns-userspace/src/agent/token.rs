//! Who may read reports: whoever shows a token (RFC 6750).

use subtle::{Choice, ConstantTimeEq as _};

/// Fewest octets of a token: as many as 128 bits have in hexadecimal.
pub const OCTETS_MIN: usize = 32;

/// Most octets of a token.
pub const OCTETS_MAX: usize = 256;

/// The tokens of a file, each as good as the other: while a new one is being
/// given out, the old one is shown yet.
#[derive(Clone)]
pub struct Tokens(Vec<String>);

impl Tokens {
    /// Of texts for which [`is_token`] holds.
    pub fn new(tokens: Vec<String>) -> Self {
        Self(tokens)
    }

    /// Whether `authorization`, the value of that header field, shows one. How
    /// long it takes does not tell which octets were right.
    pub fn admit(&self, authorization: &[u8]) -> bool {
        const SCHEME: &[u8] = b"Bearer ";
        let Some((scheme, shown)) = authorization.split_at_checked(SCHEME.len()) else {
            return false;
        };
        let tokens = self.0.iter();
        let equal = tokens.fold(Choice::from(0), |equal, token| {
            equal | token.as_bytes().ct_eq(shown)
        });
        bool::from(equal) && scheme.eq_ignore_ascii_case(SCHEME)
    }
}

/// Nobody is told what they are.
impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} tokens", self.0.len())
    }
}

/// Whether `text` is long enough to be no guess, and can stand in a header.
pub fn is_token(text: &str) -> bool {
    (OCTETS_MIN..=OCTETS_MAX).contains(&text.len())
        && text.bytes().all(|octet| octet.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "0123456789abcdef0123456789abcdef";
    const OTHER: &str = "fedcba9876543210fedcba9876543210";

    #[test]
    fn any_of_the_tokens_is_admitted_and_nothing_else() {
        let tokens = Tokens::new(vec![ONE.to_owned(), OTHER.to_owned()]);
        let admit = |text: &str| tokens.admit(text.as_bytes());
        assert!(admit(&format!("Bearer {ONE}")));
        assert!(admit(&format!("bearer {OTHER}")));
        for wrong in [
            String::new(),
            "Bearer".to_owned(),
            "Bearer ".to_owned(),
            ONE.to_owned(),
            format!("Basic  {ONE}"),
            format!("Bearer  {ONE}"),
            format!("Bearer {ONE} "),
            format!("Bearer {ONE}{OTHER}"),
            format!("Bearer {}", &ONE[1..]),
            format!("Bearer {}", ONE.to_uppercase()),
            format!("Bearer {}", ONE.replace('e', "f")),
        ] {
            assert!(!admit(&wrong), "{wrong}");
        }
        assert!(!tokens.admit(&[0xff; 300]));
    }

    #[test]
    fn without_tokens_nobody_is_admitted() {
        assert!(!Tokens::new(Vec::new()).admit(b"Bearer "));
    }

    #[test]
    fn a_token_is_long_and_visible() {
        assert!(is_token(ONE));
        assert!(!is_token(&ONE[1..]));
        assert!(!is_token(&ONE.replace('0', " ")));
        assert!(!is_token(&ONE.replace('0', "é")));
        assert!(!is_token(&ONE.repeat(9)));
    }

    #[test]
    fn tokens_are_not_shown() {
        let shown = format!("{:?}", Tokens::new(vec![ONE.to_owned()]));
        assert_eq!(shown, "1 tokens");
    }
}
