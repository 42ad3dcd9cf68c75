//! `math.random` and `math.randomseed`: the generator of Redis, the 48-bit linear congruence of `lrand48`, so that a seed
//! gives the same numbers on every server.

use super::args::check_int;
use crate::vm::{Fault, Stack};

const MULTIPLIER: u64 = 0x5_DEEC_E66D;
const INCREMENT: u64 = 0xB;
const MASK: u64 = (1 << 48) - 1;
/// What stands below the seed.
const LOW: u64 = 0x330E;
/// One more than the largest number drawn.
const RANGE: u32 = i32::MAX as u32;

/// The generator.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Default for Random {
    fn default() -> Self {
        Self(0x1234_ABCD_330E)
    }
}

impl Random {
    pub(crate) fn seed(&mut self, seed: i32) {
        self.0 = (u64::from(seed as u32) << 16) | LOW;
    }

    /// The next number of 31 bits.
    pub(crate) fn draw(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(MULTIPLIER).wrapping_add(INCREMENT) & MASK;
        (self.0 >> 17) as u32
    }
}

/// `math.random([m [, n]])`.
pub(super) fn random(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    if !stack.context().has_host() {
        return Err(Fault::text("math.random can only be called inside a script invocation"));
    }
    let drawn = stack.context().random.borrow_mut().draw();
    let part = f64::from(drawn % RANGE) / f64::from(RANGE);
    let number = match stack.top() {
        0 => part,
        1 => {
            let upper = check_int(stack, 1)?;
            if upper < 1 {
                return Err(Fault::argument(1, "interval is empty"));
            }
            (part * f64::from(upper)).floor() + 1.0
        }
        2 => {
            let (lower, upper) = (check_int(stack, 1)?, check_int(stack, 2)?);
            if lower > upper {
                return Err(Fault::argument(2, "interval is empty"));
            }
            let places = upper.wrapping_sub(lower).wrapping_add(1);
            (part * f64::from(places)).floor() + f64::from(lower)
        }
        _ => return Err(Fault::text("wrong number of arguments")),
    };
    stack.push_number(number);
    Ok(1)
}

/// `math.randomseed(n)`.
pub(super) fn randomseed(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    if !stack.context().has_host() {
        return Err(Fault::text("math.randomseed can only be called inside a script invocation"));
    }
    let seed = check_int(stack, 1)?;
    stack.context().random.borrow_mut().seed(seed);
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn a_seed_gives_the_numbers_of_lrand48() {
        // glibc: srand48(0); lrand48() ...
        let mut random = Random::default();
        random.seed(0);
        assert_eq!([random.draw(), random.draw(), random.draw()], [366_850_414, 1_610_402_240, 206_956_554]);
    }
}
