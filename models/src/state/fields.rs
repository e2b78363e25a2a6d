//! Bit fields: parts of the state that stay packed while the steps work on
//! them. Reading a field is a shift, and what was not touched is not packed
//! again.

/// These bits of a word.
#[inline(always)]
pub(crate) const fn bits(word: u64, at: u32, width: u32) -> u64 {
    word >> at & ((1 << width) - 1)
}

/// How many bits a field needs that is this at most.
pub(crate) const fn width(most: usize) -> u32 {
    usize::BITS - most.leading_zeros()
}

/// How many bits a mask of so many needs.
#[expect(clippy::cast_possible_truncation, reason = "there are few of anything")]
pub(crate) const fn one_each(count: usize) -> u32 {
    assert!(count <= u8::BITS as usize, "masks have eight bits");
    count as u32
}

/// Puts these bits into a word; what does not fit is cut off.
#[inline(always)]
pub(crate) const fn set(word: &mut u64, at: u32, width: u32, bits: u64) {
    let mask = (1 << width) - 1;
    *word = *word & !(mask << at) | (bits & mask) << at;
}

/// Declares a part of the state as bit fields, the first lowest. Each field has
/// a function that reads it, one that sets it, and its bits in the mask.
macro_rules! bit_fields {
    ($(#[$doc:meta])* $vis:vis struct $name:ident { $($fields:tt)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq)]
        $vis struct $name(pub(crate) u64);

        $crate::state::fields::bit_fields! { @field $vis $name (0) [] $($fields)* }
    };
    (@field $vis:vis $name:ident ($at:expr) [$($before:tt)*]
        $(#[$doc:meta])* $get:ident, $set:ident: $type:ty = $width:expr, $($rest:tt)*
    ) => {
        impl $name {
            $(#[$doc])*
            #[inline(always)]
            #[must_use]
            $vis fn $get(self) -> $type {
                let bits = $crate::state::fields::bits(self.0, const { $at }, const { $width });
                $crate::state::fields::Field::read(bits)
            }

            #[doc = concat!("Sets [`", stringify!($get), "`](Self::", stringify!($get), ").")]
            #[inline(always)]
            $vis fn $set(&mut self, value: $type) {
                // Too large a value, which only a defect can bring about, is
                // cut off and must not spoil its neighbours.
                let value = $crate::state::fields::Field::bits(value);
                $crate::state::fields::set(&mut self.0, const { $at }, const { $width }, value);
            }
        }

        $crate::state::fields::bit_fields! {
            @field $vis $name ($at + $width) [$($before)* ($get $set $at, $width)] $($rest)*
        }
    };
    (@field $vis:vis $name:ident ($end:expr) [$(($field:ident $set:ident $at:expr, $width:expr))*]) => {
        impl $name {
            /// How many bits it has.
            pub(crate) const BITS: u32 = $end;
        }

        const _: () = {
            /// The bits of each field.
            #[allow(dead_code, reason = "not all are asked for")]
            pub(crate) struct Masks {
                $(pub(crate) $field: u64,)*
            }

            #[allow(dead_code, reason = "not of all parts")]
            impl $name {
                /// The bits of its fields.
                pub(crate) const MASK: Masks = Masks {
                    $($field: ((1 << $width) - 1) << ($at),)*
                };
            }
        };

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let mut fields = f.debug_struct(stringify!($name));
                $( fields.field(stringify!($field), &self.$field()); )*
                fields.finish()
            }
        }

        #[cfg(test)]
        impl $name {
            /// Asserts that all fields of `from`, set in `onto`, are there.
            pub(crate) fn assert_fields_are_kept(from: u64, onto: u64) {
                let [from, mut onto] =
                    [from, onto].map(|it| Self($crate::state::fields::bits(it, 0, Self::BITS)));
                $( onto.$set(from.$field()); )*
                $( assert_eq!(onto.$field(), from.$field(), stringify!($field)); )*
                assert_eq!(onto.0 >> Self::BITS, 0, "a field is beyond the end");
            }
        }
    };
}

pub(crate) use bit_fields;

/// What a bit field can hold.
pub(crate) trait Field: Copy {
    /// What these bits stand for; any bits stand for something.
    fn read(bits: u64) -> Self;
    /// The bits that stand for it.
    fn bits(self) -> u64;
}

/// Numbers: no field has more bits than they.
macro_rules! numbers {
    ($($number:ident)+) => {$(
        impl Field for $number {
            #[inline(always)]
            #[expect(clippy::cast_possible_truncation, reason = "a field has no more bits")]
            fn read(bits: u64) -> Self {
                bits as Self
            }

            #[inline(always)]
            fn bits(self) -> u64 {
                u64::from(self)
            }
        }
    )+};
}

numbers!(u8 u32);

impl Field for bool {
    #[inline(always)]
    fn read(bits: u64) -> Self {
        bits != 0
    }

    #[inline(always)]
    fn bits(self) -> u64 {
        u64::from(self)
    }
}

/// The entry of a table that this code stands for.
#[inline(always)]
pub(super) fn pick<T: Copy, const N: usize>(table: &[T; N], code: u64) -> T {
    table[usize::try_from(code).unwrap_or(N).min(N - 1)]
}

/// Asserts that these are all values of a field of this width, that each is
/// packed as what it is, and that no two are packed alike.
#[cfg(test)]
pub(crate) fn assert_all_are_kept<T>(width: u32, all: impl IntoIterator<Item = T>)
where
    T: Field + PartialEq + std::fmt::Debug,
{
    let mut seen = std::collections::HashMap::new();
    for value in all {
        let bits = value.bits();
        assert!(bits >> width == 0, "{value:?} has more than {width} bits");
        assert_eq!(T::read(bits), value);
        let other = seen.insert(bits, value);
        assert_eq!(other, None, "packed as {value:?}");
    }
    assert!(!seen.is_empty());
}
