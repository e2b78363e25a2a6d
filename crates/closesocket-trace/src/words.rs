//! Nouns in a sentence: with their number, with their article.

use std::fmt;

use closesocket::protocol::Cause;

/// `1 thread`, `2 threads`, `1,000 threads`.
#[must_use]
pub fn count(number: impl TryInto<u64>, thing: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    let s = if number == 1 { "" } else { "s" };
    format!("{} {thing}{s}", grouped(number))
}

/// A number with its thousands apart.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `a recv`, `an accept`.
pub(crate) fn a(noun: impl fmt::Display) -> String {
    let noun = noun.to_string();
    let n = if noun.starts_with(['a', 'e', 'i', 'o', 'u']) {
        "n"
    } else {
        ""
    };
    format!("a{n} {noun}")
}

/// What ends something, as it stands behind "by".
pub(crate) const fn by(cause: Cause) -> &'static str {
    match cause {
        Cause::Call => "a call",
        Cause::Cleanup => "a cleanup",
        Cause::Death => "a death",
        Cause::Reclaimed => "a reclaim",
    }
}

#[cfg(test)]
mod tests {
    use super::{a, count, grouped};

    #[test]
    fn nouns_agree_with_their_numbers_and_articles() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(3_192_250), "3,192,250");
        assert_eq!(count(0_u8, "thread"), "0 threads");
        assert_eq!(count(1_usize, "thread"), "1 thread");
        assert_eq!(count(1_000_u64, "thread"), "1,000 threads");
        assert_eq!(["recv", "accept"].map(a), ["a recv", "an accept"]);
    }
}
