//! `PFSELFTEST`

use spinel_family::{Command, CommandError, Encoder, Query, QueryContext, Reply};
use spinel_structs::hyperloglog::{Corrupt, REGISTERS, Registers, add, count, new, raise, to_dense};

/// Elements counted.
const ELEMENTS: u64 = 1_000_000;
/// Standard errors that an estimate may be off.
const TOLERANCE: f64 = 6.0;

/// Tests the HyperLogLogs of this server: their registers, and how far their estimates are off.
#[derive(Command)]
#[command(group = Hyperloglog, since = "2.8.9", flags(admin), complexity = "N/A", doc_flags(Syscmd))]
pub(super) struct Pfselftest {}

impl Query for Pfselftest {
    fn cost(&self, _: &QueryContext<'_>) -> usize {
        ELEMENTS as usize
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let failed = |what: String| CommandError::Text(format!("ERR TESTFAILED {what}").into());
        let mut random = cx.chance();
        registers_hold(&mut random).map_err(failed)?;
        estimates_hold(random(), cx.settings().hll_sparse_max_bytes).map_err(failed)?;
        out.ok();
        Ok(())
    }
}

/// Every register keeps what it was raised to, and its neighbours what they were.
fn registers_hold(random: &mut impl FnMut() -> u64) -> Result<(), String> {
    let mut bytes = new();
    to_dense(&mut bytes).map_err(|Corrupt| "a new one is not valid".to_owned())?;
    let expected: Vec<u8> = (0..REGISTERS).map(|_| random() as u8 & 63).collect();
    for (index, value) in expected.iter().enumerate() {
        raise(&mut bytes, index, *value, 0).map_err(|Corrupt| "a register spoils the others".to_owned())?;
    }
    let found = Registers::of(&bytes).map_err(|Corrupt| "the registers cannot be read".to_owned())?;
    let wrong = found.values().iter().zip(&expected).position(|(found, expected)| found != expected);
    wrong.map_or(Ok(()), |index| Err(format!("Register {index} is not what it was set to")))
}

/// Both encodings estimate the same, and about what is right.
fn estimates_hold(seed: u64, max_sparse: usize) -> Result<(), String> {
    let corrupt = |Corrupt| "a valid one became corrupt".to_owned();
    let (mut sparse, mut dense) = (new(), new());
    to_dense(&mut dense).map_err(corrupt)?;
    let error = 1.04 / (REGISTERS as f64).sqrt();
    let mut checkpoint = 1;
    for number in 1..=ELEMENTS {
        let element = (number ^ seed).to_le_bytes();
        add(&mut sparse, &element, max_sparse).map_err(corrupt)?;
        add(&mut dense, &element, max_sparse).map_err(corrupt)?;
        if number == checkpoint {
            let estimate = count(&dense).map_err(corrupt)?;
            if count(&sparse) != Ok(estimate) {
                return Err("dense/sparse disagree".to_owned());
            }
            let off = estimate.abs_diff(checkpoint);
            if off > (error * TOLERANCE * checkpoint as f64).ceil() as u64 {
                return Err(format!("Too big error. card:{checkpoint} abserr:{off}"));
            }
            checkpoint *= 10;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{estimates_hold, registers_hold};

    #[test]
    fn the_test_passes() {
        let mut number = 1u64;
        let mut random = || {
            number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            number >> 32
        };
        assert_eq!(registers_hold(&mut random), Ok(()));
        assert_eq!(estimates_hold(7, 3000), Ok(()));
    }
}
