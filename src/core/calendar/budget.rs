//! A limit on the work that recurrences may cost.

/// One step looks at one day or one time.
#[derive(Debug, Clone)]
pub struct Budget {
    steps_left: u32,
}

/// A recurrence needs more steps than its budget has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetExceeded;

impl Budget {
    pub const fn new(steps: u32) -> Self {
        Self { steps_left: steps }
    }

    /// Moves up to `max_steps` into a new budget. One series can then not use up the whole calendar's budget.
    pub fn split_off(&mut self, max_steps: u32) -> Self {
        let steps_left = self.steps_left.min(max_steps);
        self.steps_left -= steps_left;
        Self { steps_left }
    }

    pub const fn refund(&mut self, unused: &Self) {
        self.steps_left = self.steps_left.saturating_add(unused.steps_left);
    }

    pub fn spend(&mut self, steps: u32) -> Result<(), BudgetExceeded> {
        self.steps_left = self.steps_left.checked_sub(steps).ok_or(BudgetExceeded)?;
        Ok(())
    }
}
