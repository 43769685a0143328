//! Polynomials over the field of two elements, bit i = coefficient of xⁱ.
//! Each repository cuts files along its own random irreducible one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Error;

/// An irreducible polynomial, as hexadecimal digits in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Polynomial(u64);

impl Polynomial {
    /// Degree of the polynomials that repositories use.
    pub const DEGREE: u32 = 53;

    /// About one candidate in 27 is irreducible, so honest randomness runs
    /// out of tries with a chance below 10⁻¹⁵⁰.
    const TRIES: u32 = 10_000;

    /// A random irreducible polynomial of degree 53, from a source of random
    /// numbers. `None` if the source is no source of random numbers.
    pub fn random(mut random: impl FnMut() -> u64) -> Option<Self> {
        (0..Self::TRIES).find_map(|_| {
            // A polynomial without constant term is divisible by x.
            let candidate = random() & ((1 << Self::DEGREE) - 1) | 1 << Self::DEGREE | 1;
            is_irreducible(candidate).then_some(Self(candidate))
        })
    }

    /// The coefficients as bits.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }
}

/// Ben-Or's test: no factor of degree up to half means no factor at all, and
/// x^(2^i) − x is the product of all irreducible polynomials whose degree
/// divides i.
fn is_irreducible(f: u64) -> bool {
    let Some(degree) = f.checked_ilog2() else { return false };
    if degree == 0 {
        return false;
    }
    let x = remainder(2, f);
    let mut power = x;
    (1..=degree / 2).all(|_| {
        power = multiply(power, power, f);
        gcd(f, power ^ x) == 1
    })
}

fn remainder(mut a: u64, f: u64) -> u64 {
    let degree = f.ilog2();
    while let Some(top) = a.checked_ilog2().filter(|top| *top >= degree) {
        a ^= f << (top - degree);
    }
    a
}

/// a · b mod f, for a and b already below f in degree.
fn multiply(mut a: u64, mut b: u64, f: u64) -> u64 {
    let mut product = 0;
    while b != 0 {
        if b & 1 == 1 {
            product ^= a;
        }
        b >>= 1;
        a = remainder(a << 1, f);
    }
    product
}

fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, remainder(a, b));
    }
    a
}

impl fmt::Display for Polynomial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

impl FromStr for Polynomial {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        u64::from_str_radix(text, 16)
            .ok()
            .filter(|bits| is_irreducible(*bits))
            .map(Self)
            .ok_or(Error::malformed("a chunker polynomial", "it is not irreducible"))
    }
}

impl Serialize for Polynomial {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Polynomial {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The number of irreducible polynomials of a degree over two elements is
    /// known (OEIS A001037).
    #[test]
    fn there_are_as_many_irreducible_polynomials_as_there_must_be() {
        for (degree, count) in
            [(1, 2), (2, 1), (3, 2), (4, 3), (5, 6), (6, 9), (7, 18), (8, 30), (9, 56), (10, 99)]
        {
            let found = (1_u64 << degree..1 << (degree + 1)).filter(|f| is_irreducible(*f)).count();
            assert_eq!(found, count, "degree {degree}");
        }
        assert!(!is_irreducible(0));
        assert!(!is_irreducible(1));
    }

    #[test]
    fn a_source_that_is_not_random_ends() {
        assert_eq!(Polynomial::random(|| 0), None);
    }

    #[test]
    fn a_reducible_polynomial_is_refused() {
        assert!("0".parse::<Polynomial>().is_err());
        assert!("20000000000000".parse::<Polynomial>().is_err());
        assert!("".parse::<Polynomial>().is_err());
        assert_eq!("b".parse(), Ok(Polynomial(0b1011)));
    }

    proptest! {
        #[test]
        fn a_product_is_never_irreducible(a in 2u64..1 << 31, b in 2u64..1 << 31) {
            let mut product = 0;
            for bit in 0..32 {
                if a >> bit & 1 == 1 {
                    product ^= b << bit;
                }
            }
            prop_assert!(!is_irreducible(product));
        }

        #[test]
        fn a_random_polynomial_is_read_back(seed: u64) {
            let mut state = seed;
            let polynomial = Polynomial::random(|| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                state ^ state >> 29
            }).unwrap();
            prop_assert_eq!(polynomial.bits().ilog2(), Polynomial::DEGREE);
            prop_assert_eq!(polynomial.to_string().parse(), Ok(polynomial));
        }

        #[test]
        fn testing_a_polynomial_never_panics(bits: u64) {
            is_irreducible(bits);
        }
    }
}
