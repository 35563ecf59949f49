//! What stores may do wrong.

/// What a store does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// Every term has the same number.
    TermsStandStill,
    /// Whoever writes is heard.
    AcceptsStaleEpochs,
    /// Whoever began once may bring new jobs for ever.
    AcceptsOldTerms,
    /// All nodes are one.
    OneNode,
    /// Epochs have one number.
    OneEpoch,
    /// Who ends a term ends nothing.
    EndsNothing,
    /// Whoever lets himself be heard is told that all is well.
    HearsTheDead,
    /// Nothing is told to be over.
    TellsNoEnds,
    /// Who took a job over is not given the words for it.
    LosesWords,
    /// Whoever held a job once replies for it.
    RepliesForAnybody,
    /// Who is over may offer what he likes.
    OffersForTheDead,
    /// Whoever writes a free job holds it.
    HoldsWhatIsFree,
    /// Every node is given jobs of all queues.
    ServesAllQueues,
    /// Room for what waits is not asked about.
    ClaimsAllThatWait,
    /// All programs are taken for one.
    OneProgram,
    /// What other nodes hold of a limit does not count.
    ForgetsOthersHold,
    /// Rates do not count.
    ForgetsRates,
    /// A job is handed over twice.
    ClaimsTwice,
    /// The highest ids come first.
    ClaimsBackwards,
    /// What this very term holds is handed over, too.
    ClaimsWhatIsHeld,
    /// A term that is over is given nothing, and not told why.
    ClaimsForAnybody,
    /// The last of several records is not written.
    ForgetsARecord,
    /// What was written last is read first.
    Reorders,
    /// Heads come back without their priority.
    LosesPriorities,
    /// Why a job failed is not written, when it is learned later.
    LosesFailures,
    /// Texts are cut where columns end.
    CutsTexts,
    /// What was written last is gone after a restart.
    LosesTheLastWrite,
    /// Some job is read in place of one that is not there.
    ReadsAnything,
    /// One entry that is refused takes the others with it.
    AllOrNothing,
    /// A job that is there already is said to be written.
    ForgetsDuplicates,
    /// Who asks for a job that another has made is told that he has made it.
    MistakesOthers,
    /// Records that are there already are written again.
    CommitsTwice,
    /// Of an entry that is refused, the change is kept.
    KeepsChanges,
    /// A job whose key is taken is kept all the same.
    KeepsWhatIsRefused,
    /// Keys mean nothing.
    IgnoresKeys,
    /// A key is never free again.
    NeverFreesKeys,
    /// A key is free when its job is paused.
    FreesKeysTooEarly,
    /// A key for ever is free when its job is over.
    FreesKeysForEver,
    /// A key for ever is free when its job is forgotten.
    FreesKeysOfTheForgotten,
    /// After a restart, keys for ever are free.
    LosesKeysForEver,
    /// A job that is refused has taken its key for ever.
    TakesKeysForWhatIsRefused,
    /// A child that failed is listed as a dead letter.
    ListsChildrenAsDead,
    /// A dead letter is listed when it is settled, too.
    ListsTheSettled,
    /// A dead letter can be settled again.
    SettlesTwice,
    /// After a restart, dead letters are not settled.
    LosesSettling,
    /// Whatever is there can be settled.
    SettlesAnything,
    /// Whose place a job takes is not looked at.
    IgnoresPlaces,
    /// Who asks again for a job in the place of a dead letter hears that he is too late.
    AsksForTheLetterFirst,
    /// A dead letter is settled for a job that is refused.
    SettlesForWhatIsRefused,
    /// Whoever writes a note is heard.
    IgnoresVersions,
    /// After a restart, there are no notes.
    LosesNotes,
    /// A note that was taken away was never there.
    ForgetsVersions,
    /// A note that was taken away says nothing, and is there.
    KeepsWhatIsTakenAway,
    /// Topics that differ in capitals are one.
    OneTopic,
    /// Notes are listed by name, the last first.
    NotesBackwards,
    /// Whoever began once may write notes for ever.
    NotesForAnybody,
    /// The verdicts on notes come after those on jobs.
    MixesVerdicts,
    /// A list does not look at tags.
    IgnoresTags,
    /// A list begins at its beginning, always.
    IgnoresPages,
    /// A list does not look whether jobs are parked.
    IgnoresParking,
    /// That a job is parked is not written, when it is learned later.
    LosesParking,
    /// What was parked once stays so.
    StaysParked,
    /// A rule that says nothing lets all go.
    LetsAllGo,
    /// More is let go than was asked for.
    LetsTooManyGo,
    /// What ended last is let go first.
    LetsGoBackwards,
    /// What ended at the very moment is let go, too.
    LetsTheMomentGo,
    /// One more is kept than was asked for.
    KeepsOneMore,
    /// Those of all names are counted together.
    CountsTogether,
    /// What is let go has to be old, and one of too many.
    NeedsBoth,
    /// A rule of one name is one of all.
    IgnoresNames,
    /// Dead letters are let go like all else.
    LetsLettersGo,
    /// A child is let go, and forgotten, while its parent runs.
    IgnoresParents,
    /// What was forgotten is still read.
    KeepsWhatIsForgotten,
    /// What is not over is forgotten.
    ForgetsWhatRuns,
    /// What was to be forgotten is said to be.
    SaysAllIsForgotten,
    /// An entry is seen when half of it is written.
    ShowsHalves,
    /// The head of a job is read before its records.
    ReadsHeadsFirst,
    /// What a list holds is looked up after it is known what it holds.
    ListsOneByOne,
    /// Notes are written after the jobs that come with them.
    WritesNotesLater,
    /// The job that came last is not listed yet.
    LagsBehind,
    /// Between looking at a version and writing the next, others do the same.
    LooksBeforeItWrites,
    /// After ten thousand entries, changes of heads are forgotten.
    TiresOfMuch,
}

impl Fault {
    /// Every fault, and the promise that it breaks.
    pub const ALL: &[(Self, &str)] = &[
        (Self::TermsStandStill, "a term is greater than those before it"),
        (Self::AcceptsStaleEpochs, "who does not hold a job writes nothing of it"),
        (Self::AcceptsOldTerms, "who begins shuts out the terms of his node before"),
        (Self::OneNode, "terms of several nodes live side by side"),
        (Self::OneEpoch, "who takes a job over holds it under a greater epoch"),
        (Self::EndsNothing, "a term that was ended holds nothing"),
        (Self::HearsTheDead, "who lets himself be heard is told whether his term is over"),
        (Self::TellsNoEnds, "it is told which jobs are over"),
        (Self::LosesWords, "a word reaches who holds its job, until he has replied"),
        (Self::RepliesForAnybody, "who does not hold a job replies to no word for it"),
        (Self::OffersForTheDead, "who says what he can do lives"),
        (Self::HoldsWhatIsFree, "what is free is nobody's until it is claimed, the most urgent first"),
        (Self::ServesAllQueues, "a term is given jobs of the queues that it serves"),
        (Self::ClaimsAllThatWait, "so many that wait are claimed as there is room for"),
        (Self::OneProgram, "what is parked is offered to other programs"),
        (Self::ForgetsOthersHold, "all nodes together hold no more of a limit than there is"),
        (Self::ForgetsRates, "all nodes together start no more in a time than a rate lets"),
        (Self::ClaimsTwice, "what nobody holds is claimed, whole and once, lowest ids first"),
        (Self::ClaimsBackwards, "what nobody holds is claimed, whole and once, lowest ids first"),
        (Self::ClaimsWhatIsHeld, "what is over or held is not claimed"),
        (Self::ClaimsForAnybody, "a term that is over claims nothing"),
        (Self::ForgetsARecord, "records are read as they were written, in their order"),
        (Self::Reorders, "records are read as they were written, in their order"),
        (Self::LosesPriorities, "a head is kept as it was given"),
        (Self::LosesFailures, "what changes of a head is seen"),
        (Self::CutsTexts, "texts of every kind are kept"),
        (Self::LosesTheLastWrite, "what was acknowledged outlives a restart"),
        (Self::ReadsAnything, "a job that is not there is not read"),
        (Self::AllOrNothing, "each entry has a verdict of its own"),
        (Self::ForgetsDuplicates, "an id is given to one job"),
        (Self::MistakesOthers, "who has not made a job is not told that he has"),
        (Self::CommitsTwice, "lines continue where the journal ends"),
        (Self::KeepsChanges, "an entry is written whole or not at all"),
        (Self::KeepsWhatIsRefused, "what is refused leaves nothing behind"),
        (Self::IgnoresKeys, "a unique key is one job's until that is over"),
        (Self::NeverFreesKeys, "a unique key is free when its job is over"),
        (Self::FreesKeysTooEarly, "whatever is done in whatever order, it does what the model does"),
        (Self::FreesKeysForEver, "a key for ever is one job's, though that is over or forgotten"),
        (Self::FreesKeysOfTheForgotten, "a key for ever is one job's, though that is over or forgotten"),
        (Self::LosesKeysForEver, "a key for ever is one job's, though that is over or forgotten"),
        (Self::TakesKeysForWhatIsRefused, "what is refused takes no key"),
        (Self::ListsChildrenAsDead, "dead letters are listed, and nothing else with them"),
        (Self::ListsTheSettled, "dead letters are listed, and nothing else with them"),
        (Self::SettlesTwice, "a dead letter is settled once"),
        (Self::LosesSettling, "a dead letter is settled once"),
        (Self::SettlesAnything, "what is no dead letter is not settled"),
        (Self::IgnoresPlaces, "one job comes in the place of a dead letter, and hears so when it asks again"),
        (
            Self::AsksForTheLetterFirst,
            "one job comes in the place of a dead letter, and hears so when it asks again",
        ),
        (Self::SettlesForWhatIsRefused, "what is refused settles no dead letter"),
        (Self::IgnoresVersions, "a note is written by who knows its version"),
        (Self::LosesNotes, "a note is written by who knows its version"),
        (Self::ForgetsVersions, "the version of a note goes on when it is taken away"),
        (Self::KeepsWhatIsTakenAway, "the version of a note goes on when it is taken away"),
        (Self::OneTopic, "notes are told apart by topic and name, and listed by name"),
        (Self::NotesBackwards, "notes are told apart by topic and name, and listed by name"),
        (Self::NotesForAnybody, "a term that is over writes no note"),
        (Self::MixesVerdicts, "entries of all kinds are written in one batch"),
        (Self::IgnoresTags, "a list holds what its filter lets through"),
        (Self::IgnoresPages, "a list is in the order of ids, and has pages"),
        (Self::IgnoresParking, "what is parked is listed until its next change"),
        (Self::LosesParking, "what is parked is listed until its next change"),
        (Self::StaysParked, "what is parked is listed until its next change"),
        (Self::LetsAllGo, "a rule that says nothing lets nothing go"),
        (Self::LetsTooManyGo, "by age, what ended before a moment is let go, the first first"),
        (Self::LetsGoBackwards, "by age, what ended before a moment is let go, the first first"),
        (Self::LetsTheMomentGo, "by age, what ended before a moment is let go, the first first"),
        (Self::KeepsOneMore, "by number, the newest of each name are kept"),
        (Self::CountsTogether, "by number, the newest of each name are kept"),
        (Self::NeedsBoth, "by age and number, what either says is let go"),
        (Self::IgnoresNames, "a rule of one name lets nothing else go"),
        (Self::LetsLettersGo, "dead letters are let go only if the rule says so"),
        (Self::IgnoresParents, "a child is not let go before its parent is over"),
        (Self::KeepsWhatIsForgotten, "what is forgotten is gone, with all that was kept of it"),
        (Self::ForgetsWhatRuns, "what is not over is not forgotten"),
        (Self::IgnoresParents, "a child is not forgotten before its parent is over"),
        (Self::SaysAllIsForgotten, "it says what it has forgotten of what it was told"),
        (Self::ShowsHalves, "several threads use it at once"),
        (Self::ReadsHeadsFirst, "a job is read as of one moment"),
        (Self::ListsOneByOne, "a list is of one moment"),
        (Self::WritesNotesLater, "what is written at once is seen at once"),
        (Self::LagsBehind, "what is written is seen by all from then on"),
        (Self::LooksBeforeItWrites, "of those who ask for the same at once, one gets it"),
        (Self::TiresOfMuch, "much is kept as little is"),
        (Self::TiresOfMuch, "so it does when it has done much"),
    ];

    /// Whether it is one of those that only others can see, while it happens.
    pub(super) fn is_a_race(self) -> bool {
        matches!(
            self,
            Self::ShowsHalves
                | Self::ReadsHeadsFirst
                | Self::ListsOneByOne
                | Self::WritesNotesLater
                | Self::LooksBeforeItWrites
        )
    }
}
