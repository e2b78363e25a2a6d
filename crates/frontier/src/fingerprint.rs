//! Fingerprints: 64 bits that stand for a state.
//!
//! A sum of products, as in NH of UMAC: the words of a state are added to keys in
//! pairs, the two sums of each pair multiplied, and the products of 128 bits added
//! up. For any two states of one shape at most one choice of keys in 2^64 makes
//! these sums equal; what is left is one step that mixes 128 bits down to 64. The
//! products do not wait for each other. stateright multiplies and folds one word
//! into the next instead, with other keys, so that two states which one of the
//! two takes for the same are two to the other.

use std::hash::{Hash, Hasher};

/// Pairs of words until the sum is mixed down and goes on as the first word.
const BLOCK: usize = 16;

const KEYS: [[u64; 2]; BLOCK] = keys();

/// `splitmix64`, so that nobody chose them.
const fn keys() -> [[u64; 2]; BLOCK] {
    let mut keys = [[0; 2]; BLOCK];
    let mut at = 0;
    while at < 2 * BLOCK {
        let mut it = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(at as u64 + 1);
        it = (it ^ it >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        it = (it ^ it >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        keys[at / 2][at % 2] = it ^ it >> 31;
        at += 1;
    }
    keys
}

/// The fingerprint of a state; never 0, which is nobody's.
#[inline(always)]
pub(crate) fn fingerprint<S: Hash>(state: &S) -> u64 {
    let mut products = Products { sum: 0, at: 0 };
    state.hash(&mut products);
    products.finish().max(1)
}

struct Products {
    sum: u128,
    at: usize,
}

impl Products {
    #[inline(always)]
    fn pair(&mut self, low: u64, high: u64) {
        if self.at == BLOCK {
            let mixed = self.finish();
            self.sum = product(0, mixed, !mixed);
            self.at = 1;
        }
        self.sum = self.sum.wrapping_add(product(self.at, low, high));
        self.at += 1;
    }
}

#[inline(always)]
fn product(at: usize, low: u64, high: u64) -> u128 {
    let [one, other] = KEYS[at % BLOCK];
    u128::from(low.wrapping_add(one)) * u128::from(high.wrapping_add(other))
}

impl Hasher for Products {
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "both halves are taken")]
    fn finish(&self) -> u64 {
        let (low, high) = (self.sum as u64, (self.sum >> 64) as u64);
        let mut it = low ^ high.wrapping_mul(0xd6e8_feb8_6659_fd93).rotate_left(29);
        it = it.wrapping_add(self.at as u64);
        it = (it ^ it >> 32).wrapping_mul(0xe703_7ed1_a0b4_28db);
        it ^ it >> 29
    }

    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let mut words = bytes.chunks(8).map(|chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            u64::from_le_bytes(word)
        });
        self.write_usize(bytes.len());
        while let Some(word) = words.next() {
            self.pair(word, words.next().unwrap_or(0));
        }
    }

    #[inline(always)]
    fn write_u8(&mut self, value: u8) {
        self.pair(u64::from(value), 0);
    }

    #[inline(always)]
    fn write_u16(&mut self, value: u16) {
        self.pair(u64::from(value), 0);
    }

    #[inline(always)]
    fn write_u32(&mut self, value: u32) {
        self.pair(u64::from(value), 0);
    }

    #[inline(always)]
    fn write_u64(&mut self, value: u64) {
        self.pair(value, 0);
    }

    #[inline(always)]
    fn write_usize(&mut self, value: usize) {
        self.pair(value as u64, 0);
    }

    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "both halves are taken")]
    fn write_u128(&mut self, value: u128) {
        self.pair(value as u64, (value >> 64) as u64);
    }
}
