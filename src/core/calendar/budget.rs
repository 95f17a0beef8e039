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

    /// Runs `work` with at most `max_steps` of the budget: one series cannot use up the whole calendar's budget.
    pub fn with_limit<T>(&mut self, max_steps: u32, work: impl FnOnce(&mut Self) -> T) -> T {
        let mut limited = Self { steps_left: self.steps_left.min(max_steps) };
        self.steps_left -= limited.steps_left;
        let result = work(&mut limited);
        self.steps_left += limited.steps_left;
        result
    }

    pub fn spend(&mut self, steps: u32) -> Result<(), BudgetExceeded> {
        self.steps_left = self.steps_left.checked_sub(steps).ok_or(BudgetExceeded)?;
        Ok(())
    }
}
