//! From registers to a number: Ertl's improved raw estimator.

use super::{REGISTERS, RUN_BITS};

/// How many registers have each value.
pub(super) type Histogram = [u32; VALUES];
/// Values a register can have.
const VALUES: usize = 64;
/// None of any.
pub(super) const EMPTY: Histogram = [0; VALUES];

/// `0.5 / ln 2`
const ALPHA: f64 = 0.721_347_520_444_481_7;

/// Counts the values of registers.
pub(super) fn histogram(registers: &[u8; REGISTERS]) -> Histogram {
    // Four tables, so that equal neighbours do not wait for each other.
    let mut tables = [EMPTY; 4];
    for four in registers.as_chunks::<4>().0 {
        for (table, value) in tables.iter_mut().zip(four) {
            table[usize::from(value & 63)] += 1;
        }
    }
    let mut sum = EMPTY;
    for table in &tables {
        sum.iter_mut().zip(table).for_each(|(sum, count)| *sum += count);
    }
    sum
}

/// The estimated cardinality.
pub(super) fn cardinality(histogram: &Histogram) -> u64 {
    let all = REGISTERS as f64;
    let longest = RUN_BITS as usize;
    let mut z = all * tau((all - f64::from(histogram[longest + 1])) / all);
    for value in (1..=longest).rev() {
        z += f64::from(histogram[value]);
        z *= 0.5;
    }
    z += all * sigma(f64::from(histogram[0]) / all);
    (ALPHA * all * all / z).round() as u64
}

fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z == before {
            return z;
        }
    }
}

fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if z == before {
            return z / 3.0;
        }
    }
}
