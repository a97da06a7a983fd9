//! A program that runs beside a task until the task is done with it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::Duration;

use crate::{Outcome, clock};

/// How many lines may wait to be read. Later ones are dropped: nobody waits for them.
const WAITING_LINES: usize = 1_024;
/// How long a program may take to end when it is told to.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks at a program that is ending.
const PAUSE: Duration = Duration::from_millis(5);

/// A running program. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Program {
    name: String,
    child: Child,
    lines: Receiver<String>,
}

impl Program {
    /// Starts a program whose standard output is read here.
    pub(crate) fn start(command: &mut Command) -> Outcome<Self> {
        Self::start_with(command, Stdio::null())
    }

    /// The same, with something on its standard input.
    pub(crate) fn start_with(command: &mut Command, input: Stdio) -> Outcome<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            .stdin(input)
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|cause| format!("cannot start {name}: {cause}"))?;
        let output = child.stdout.take().ok_or("the program has no output")?;
        let (sender, lines) = sync_channel(WAITING_LINES);
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let _nobody_waits = sender.try_send(line);
            }
        });
        Ok(Self { name, child, lines })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line of the output from which `find` makes something.
    pub(crate) fn wait_for<T>(
        &self,
        what: &str,
        patience: Duration,
        mut find: impl FnMut(&str) -> Option<T>,
    ) -> Outcome<T> {
        let begun = clock::now();
        loop {
            let left = patience.saturating_sub(begun.elapsed());
            let line = self
                .lines
                .recv_timeout(left)
                .map_err(|_| format!("{} did not say {what}", self.name))?;
            if let Some(found) = find(&line) {
                return Ok(found);
            }
        }
    }

    /// Asks the program to end, and waits until it has.
    ///
    /// # Errors
    /// When it has to be killed or ends badly.
    pub(crate) fn stop(self) -> Outcome {
        self.stop_within(PATIENCE)
    }

    /// The same, for a program that may take its time.
    pub(crate) fn stop_within(mut self, patience: Duration) -> Outcome {
        self.signal("TERM")?;
        let begun = clock::now();
        while begun.elapsed() < patience {
            if let Some(status) = self.child.try_wait()? {
                return match status.success() {
                    true => Ok(()),
                    false => Err(format!("{} ended with {status}", self.name).into()),
                };
            }
            pause(PAUSE);
        }
        Err(format!("{} did not end in {patience:?}", self.name).into())
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, name: &str) -> Outcome {
        // Every shell can do it by itself; a program of that name is not on every machine.
        let order = format!("kill -{name} {}", self.child.id());
        Command::new("sh").args(["-c", &order]).status()?;
        Ok(())
    }

    /// Ends the program in the middle of whatever it does.
    pub(crate) fn kill(mut self) -> Outcome {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _reaped_already = self.child.wait();
    }
}

/// Looks again and again, with a rest between two looks, until it is so.
///
/// # Errors
/// When it is not within `patience`; `what` is told then.
pub(crate) fn until(
    what: &str,
    patience: Duration,
    rest: Duration,
    mut is_so: impl FnMut() -> bool,
) -> Outcome {
    let begun = clock::now();
    while begun.elapsed() < patience {
        if is_so() {
            return Ok(());
        }
        pause(rest);
    }
    Err(format!("not in {patience:?}: {what}").into())
}

/// Lets some time pass between two looks at something.
pub(crate) fn pause(duration: Duration) {
    thread::park_timeout(duration);
}
