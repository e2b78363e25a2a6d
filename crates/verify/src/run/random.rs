//! Numbers that look random and are a pure function of a seed.

/// A splitmix64 generator.
pub(super) struct Random(u64);

impl Random {
    /// The generator of one stream of a seed.
    pub(super) const fn new(seed: u64, stream: u64) -> Self {
        Self(mix(seed ^ mix(stream)))
    }

    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// A number below `limit`; 0 if that is 0.
    pub(super) const fn below(&mut self, limit: u64) -> u64 {
        match limit {
            0 => 0,
            _ => self.next() % limit,
        }
    }

    /// A number of at least `low` and below `high`.
    pub(super) const fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low))
    }

    /// True once in so many times.
    pub(super) const fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// One of these, each as often as its weight says.
    pub(super) fn pick<T: Copy>(&mut self, first: T, weighted: &[(u64, T)]) -> T {
        let total = weighted.iter().map(|(weight, _)| weight).sum();
        let mut place = self.below(total);
        for (weight, value) in weighted {
            match place.checked_sub(*weight) {
                Some(left) => place = left,
                None => return *value,
            }
        }
        first
    }
}

/// The finalizer of splitmix64: a bijection that mixes every bit.
const fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

/// The bytes that flow in one direction of one connection. No two streams are
/// alike, so a byte that strays from one connection into another shows, as does
/// a hole.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pattern(u64);

impl Pattern {
    /// What the engine sends on this connection.
    pub(super) const fn of_engine(connection: u64) -> Self {
        Self(mix(connection.wrapping_mul(2)))
    }

    /// What the peer sends.
    pub(super) const fn of_peer(connection: u64) -> Self {
        Self(mix(connection.wrapping_mul(2) + 1))
    }

    /// This many bytes from a position on.
    pub(super) fn bytes(self, position: u64, length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length + 16);
        let mut word = position / 8;
        while bytes.len() < length + 8 {
            bytes.extend_from_slice(&mix(self.0 ^ word).to_le_bytes());
            word += 1;
        }
        let skip = usize::try_from(position % 8).unwrap_or_default();
        bytes.drain(..skip);
        bytes.truncate(length);
        bytes
    }

    /// The first position at which these bytes differ from what is due there.
    pub(super) fn first_wrong(self, position: u64, bytes: &[u8]) -> Option<u64> {
        let due = self.bytes(position, bytes.len());
        if due == bytes {
            return None;
        }
        let wrong = due
            .iter()
            .zip(bytes)
            .position(|(due, found)| due != found)?;
        Some(position + wrong as u64)
    }
}
