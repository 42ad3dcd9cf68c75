//! `PFDEBUG GETREG | DECODE | ENCODING | TODENSE key`

use spinel_family::{Command, CommandError, Encoder, Key, Reply, Update, UpdateContext, is_token};
use spinel_structs::hyperloglog::sparse::Run;
use spinel_structs::hyperloglog::{Encoding, Registers, encoding, runs, to_dense};

use super::{corrupt, write};

/// Looks into a HyperLogLog, for tests.
#[derive(Command)]
#[command(group = Hyperloglog, since = "2.8.9", flags(denyoom, admin), complexity = "N/A", doc_flags(Syscmd))]
pub(super) struct Pfdebug<'a> {
    subcommand: &'a [u8],
    #[key(rw, access)]
    key: Key<'a>,
}

impl Update for Pfdebug<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let bytes = write(cx, self.key)?.ok_or(CommandError::text("ERR The specified key does not exist"))?;
        let is_sparse = encoding(bytes) == Some(Encoding::Sparse);
        let mut is_converted = false;
        if is_token(self.subcommand, "GETREG") {
            to_dense(bytes).map_err(corrupt)?;
            is_converted = is_sparse;
            let registers = Registers::of(bytes).map_err(corrupt)?;
            out.array(registers.values().len());
            registers.values().iter().for_each(|value| out.integer(i64::from(*value)));
        } else if is_token(self.subcommand, "DECODE") {
            if !is_sparse {
                return Err(CommandError::text("ERR HLL encoding is not sparse"));
            }
            out.bulk(decoded(bytes).join(" ").as_bytes());
        } else if is_token(self.subcommand, "ENCODING") {
            out.simple(if is_sparse { "sparse" } else { "dense" });
        } else if is_token(self.subcommand, "TODENSE") {
            to_dense(bytes).map_err(corrupt)?;
            is_converted = is_sparse;
            out.integer(i64::from(is_sparse));
        } else {
            return Err(CommandError::quoting("ERR Unknown PFDEBUG subcommand '", self.subcommand, "'"));
        }
        cx.add_dirty(usize::from(is_converted));
        Ok(())
    }
}

/// The runs of a sparse one, in Redis's letters.
fn decoded(bytes: &[u8]) -> Vec<String> {
    let letters = |run| match run {
        Run::Zeros(len @ ..=64) => format!("z:{len}"),
        Run::Zeros(len) => format!("Z:{len}"),
        Run::Equal { count, len } => format!("v:{count},{len}"),
    };
    runs(bytes).map_while(Result::ok).map(letters).collect()
}
