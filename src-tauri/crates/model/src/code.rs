//! What can go wrong, as a closed list. A code exists only because somebody
//! treats it differently: another exit code, another remedy, another screen.
//! Words for people live elsewhere (the window's locales, the CLI's messages).

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident => $text:literal, $kind:ident, $remedy:ident;)*) => {
        /// What went wrong.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "specta", derive(specta::Type))]
        #[serde(rename_all = "kebab-case")]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// Every code there is.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// As it stands in facts, errors and documentation.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The next step for the user.
            #[must_use]
            pub const fn remedy(self) -> Remedy {
                match self { $(Self::$name => Remedy::$remedy,)* }
            }

            const fn kind(self) -> Kind {
                match self { $(Self::$name => Kind::$kind,)* }
            }
        }
    };
}

/// When a code can end a run, which decides the exit code.
enum Kind {
    /// The command line or a request makes no sense.
    Usage,
    /// Refused; before renting that is exit 5, in mid-race exit 3.
    Refusal,
    /// The race ended without a winner.
    Race,
    /// The restore failed for a reason no other machine cures.
    Restore,
    /// The same, found before renting or after.
    Data,
    /// Something may still be running.
    Leftover,
}

codes! {
    /// The request makes no sense; details say what.
    Usage => "usage", Usage, ReadTheHelp;
    /// No key is stored for any cloud.
    CloudKeyMissing => "cloud-key-missing", Refusal, AddCloudKey;
    /// The cloud says the key is wrong or revoked.
    CloudKeyRefused => "cloud-key-refused", Refusal, CheckCloudKey;
    /// The key is right but may not rent.
    CloudKeyForbidden => "cloud-key-forbidden", Refusal, CheckCloudKey;
    /// The account has no credit, or too little for the worst case.
    CreditTooLow => "credit-too-low", Refusal, AddCredit;
    /// The cloud limits how fast a new account may spend.
    SpendLimit => "spend-limit", Refusal, WaitAndRetry;
    /// The cloud did not answer.
    CloudUnreachable => "cloud-unreachable", Refusal, CheckNetwork;
    /// The cloud answered something we do not understand.
    CloudAnswerUnknown => "cloud-answer-unknown", Refusal, ReportProblem;
    /// The cloud keeps saying "too many requests".
    RateLimited => "rate-limited", Race, WaitAndRetry;
    /// The day's search rows are used up.
    SearchQuotaUsedUp => "search-quota-used-up", Refusal, WaitForMidnightUtc;
    /// No offer passes the filters; details name the filter that removed the last.
    NoOffers => "no-offers", Refusal, LoosenFilters;
    /// Cheaper than the price cap there is nothing.
    PriceCap => "price-cap", Refusal, RaiseCap;
    /// A spending cap would be passed, or was passed in mid-race.
    CapReached => "cap-reached", Refusal, RaiseCap;
    /// No repository is set up.
    RepositoryMissing => "repository-missing", Refusal, SetUpRepository;
    /// The address holds no restic repository.
    NotARepository => "not-a-repository", Refusal, SetUpRepository;
    /// The repository's password is wrong.
    RepositoryPasswordWrong => "repository-password-wrong", Refusal, CheckPassword;
    /// The repository's format is newer than this app.
    RepositoryTooNew => "repository-too-new", Refusal, UpdateApp;
    /// The object store refuses the key.
    StorageKeyRefused => "storage-key-refused", Refusal, CheckStorageKey;
    /// The object store did not answer.
    StorageUnreachable => "storage-unreachable", Refusal, CheckNetwork;
    /// A key, index or snapshot file is damaged; details name it.
    RepositoryDamaged => "repository-damaged", Refusal, RepairRepository;
    /// A data pack is damaged or missing; details name it.
    PackDamaged => "pack-damaged", Data, RepairRepository;
    /// The repository has no snapshot, or not the one asked for.
    SnapshotMissing => "snapshot-missing", Refusal, ChooseSnapshot;
    /// Several workspaces, or several snapshots with that beginning, and no choice.
    SnapshotAmbiguous => "snapshot-ambiguous", Refusal, ChooseSnapshot;
    /// A critical path is not in the snapshot.
    CriticalPathMissing => "critical-path-missing", Refusal, FixCriticalPath;
    /// A critical path matches several entries.
    CriticalPathAmbiguous => "critical-path-ambiguous", Refusal, FixCriticalPath;
    /// No recipe of that name.
    RecipeMissing => "recipe-missing", Refusal, ChooseRecipe;
    /// The disk is smaller than the restore.
    DiskTooSmall => "disk-too-small", Restore, GrowDisk;
    /// The target folder cannot be written.
    TargetReadOnly => "target-read-only", Restore, ChooseTarget;
    /// This computer's clock is off, so signatures would be refused.
    OwnClockOff => "own-clock-off", Refusal, SetClock;
    /// The OS keychain is locked.
    KeychainLocked => "keychain-locked", Refusal, UnlockKeychain;
    /// There is no OS keychain.
    KeychainAbsent => "keychain-absent", Refusal, UseEnvironment;
    /// The app ended in the middle of the run.
    Interrupted => "interrupted", Race, LaunchAgain;
    /// No machine became ready.
    NoMachineReady => "no-machine-ready", Race, TryOtherOffers;
    /// The winner failed and no further heat was possible.
    WinnerFailed => "winner-failed", Restore, TryOtherOffers;
    /// The restore tool is missing or does not run.
    ToolMissing => "tool-missing", Restore, InstallRestic;
    /// A program of this computer that was to be opened is not there.
    ProgramMissing => "program-missing", Refusal, InstallProgram;
    /// The restore ended with files missing; details name them.
    RestoreIncomplete => "restore-incomplete", Restore, RestoreAgain;
    /// The restore did not finish in time.
    RestoreTooSlow => "restore-too-slow", Restore, TryOtherOffers;
    /// The host key is not the one pinned for this machine.
    HostKeyChanged => "host-key-changed", Restore, DestroyMachine;
    /// No machine of ours has that id.
    MachineMissing => "machine-missing", Refusal, ListMachines;
    /// The machine is ours and does not answer over SSH.
    MachineUnreachable => "machine-unreachable", Refusal, LookAtMachine;
    /// The machine is not ours; it is destroyed only by hand.
    MachineForeign => "machine-foreign", Refusal, ListMachines;
    /// Somebody else has the GPUs of a halted machine.
    NoCapacity => "no-capacity", Refusal, TryOtherOffers;
    /// A run is going on; what is asked for has to wait for its end.
    RunInProgress => "run-in-progress", Refusal, WaitAndRetry;
    /// Machines may still be running; details name them.
    StillRunning => "still-running", Leftover, Sweep;
    /// Another copy of the app holds the data folder.
    AlreadyRunning => "already-running", Refusal, CloseOtherCopy;
    /// The ledger cannot be read or written, so nothing may be rented.
    LedgerUnusable => "ledger-unusable", Refusal, CheckDataFolder;
    /// A fault of ours; the log has more.
    Internal => "internal", Refusal, ReportProblem;
}

impl Code {
    /// The exit code of a headless command that ends with this code.
    /// `rented` tells whether anything had been rented by then, `restoring`
    /// whether a restore was under way.
    #[must_use]
    pub const fn exit(self, rented: bool, restoring: bool) -> u8 {
        match self.kind() {
            Kind::Usage => 2,
            Kind::Refusal if rented => 3,
            Kind::Data if rented || restoring => 4,
            Kind::Refusal | Kind::Data => 5,
            Kind::Race => 3,
            Kind::Restore => 4,
            Kind::Leftover => 6,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The next step for the user, as a closed list the window can act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names are the sentences")]
pub enum Remedy {
    ReadTheHelp,
    AddCloudKey,
    CheckCloudKey,
    AddCredit,
    WaitAndRetry,
    WaitForMidnightUtc,
    CheckNetwork,
    ReportProblem,
    LoosenFilters,
    RaiseCap,
    SetUpRepository,
    CheckPassword,
    CheckStorageKey,
    UpdateApp,
    RepairRepository,
    ChooseSnapshot,
    ChooseRecipe,
    FixCriticalPath,
    GrowDisk,
    ChooseTarget,
    SetClock,
    UnlockKeychain,
    UseEnvironment,
    TryOtherOffers,
    InstallRestic,
    InstallProgram,
    RestoreAgain,
    DestroyMachine,
    LaunchAgain,
    ListMachines,
    LookAtMachine,
    Sweep,
    CloseOtherCopy,
    CheckDataFolder,
}

/// An error as it reaches the window and the command line. The words for it
/// are looked up by `code`; `details` is the particular cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[error("{code}: {details}")]
pub struct AppError {
    /// What went wrong.
    pub code: Code,
    /// The next step.
    pub remedy: Remedy,
    /// The particular cause, a lower-case fragment; never a secret.
    pub details: String,
    /// Where the log tells more.
    pub trace: String,
}

impl AppError {
    /// An error with its particular cause.
    #[must_use]
    pub fn new(code: Code, details: impl Into<String>) -> Self {
        Self { code, remedy: code.remedy(), details: details.into(), trace: String::new() }
    }

    /// The same error with the place in the log that tells more.
    #[must_use]
    pub fn with_trace(mut self, trace: impl Into<String>) -> Self {
        self.trace = trace.into();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_code_is_its_wire_form() {
        for code in Code::ALL {
            assert_eq!(serde_json::to_string(code).unwrap(), format!("\"{code}\""));
        }
    }

    #[test]
    fn a_refusal_is_exit_5_only_while_nothing_is_rented() {
        assert_eq!(Code::CreditTooLow.exit(false, false), 5);
        assert_eq!(Code::CreditTooLow.exit(true, false), 3);
        assert_eq!(Code::RateLimited.exit(false, false), 3);
        assert_eq!(Code::RestoreIncomplete.exit(true, false), 4);
        assert_eq!(Code::PackDamaged.exit(false, false), 5);
        assert_eq!(Code::PackDamaged.exit(false, true), 4);
        assert_eq!(Code::PackDamaged.exit(true, false), 4);
        assert_eq!(Code::StillRunning.exit(true, false), 6);
        assert_eq!(Code::Usage.exit(false, false), 2);
    }
}
