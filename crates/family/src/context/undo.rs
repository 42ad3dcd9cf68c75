//! The end of a run that may be taken back.

use spinel_store::OwnedValue;

use super::UpdateContext;
use super::write::discard;

impl UpdateContext<'_> {
    /// Ends what was begun with [`Held::begin_undo`](spinel_store::Held::begin_undo): what was changed since stays, or all is
    /// as it was then. Traces left in the effects are the caller's.
    pub fn end_undo(&mut self, stays: bool) {
        let now = self.query.options.now;
        let held = &mut self.query.held;
        let left = if stays { held.keep_changes() } else { held.roll_back(now) };
        if !stays {
            // What was put back is its own again, not shared with what commands gave up.
            self.effects.garbage.retain(|value| !matches!(value, OwnedValue::Shared(_)));
        }
        left.values.into_iter().for_each(|value| discard(self.effects, value));
        self.effects.garbage_dbs.extend(left.dbs);
    }
}
