"""Weakenings of the log: its commits, its chain, its tips, and what lies below them."""

from __future__ import annotations

from tests.mutants.mutant import Edit, Mutant

_LOG, _INTEGRITY = "engine/events/log.py", "engine/events/maintenance/integrity.py"
_CONNECTION, _BLOBS = "engine/events/storage/connection.py", "engine/events/storage/blobs.py"
_ATOMIC = "domains/atomic.py"
_TEST_LOG, _TEST_LOSSES = "tests/unit/events/test_log.py::", "tests/unit/events/test_losses.py::"
_TEST_BLOBS, _TEST_AUDIT = "tests/unit/events/storage/test_blobs.py::", "tests/unit/queries/test_audit.py::"
_TEST_ATOMIC = "tests/unit/domains/test_atomic.py::"

MUTANTS = [
    Mutant(
        "durable-does-not-wait-for-the-disk",
        "With synchronous=NORMAL a commit in WAL mode is not synced: a power cut takes back what was acknowledged.",
        (Edit(_CONNECTION, "{'FULL' if durable else 'NORMAL'}", "NORMAL"),),
        (f"{_TEST_LOG}test_durable_waits_for_the_disk_and_the_group_does_not",),
    ),
    Mutant(
        "a-transaction-begins-deferred",
        "What was read (the epoch, the account of the lineage) could be changed by another before it is written upon.",
        (Edit(_CONNECTION, 'BEGIN IMMEDIATE")', 'BEGIN DEFERRED")'),),
        (f"{_TEST_LOG}test_what_a_transaction_has_read_stays_true_until_it_writes",),
    ),
    Mutant(
        "the-write-ahead-log-is-not-synced",
        "Whoever waits for the disk would go on before the disk has it.",
        (Edit(_CONNECTION, "os.fsync(descriptor)", "os.fstat(descriptor)"),),
        (f"{_TEST_LOG}test_waiting_for_the_disk_syncs_the_write_ahead_log",),
    ),
    Mutant(
        "a-commit-that-fails-is-not-rolled-back",
        "A transaction that stays open would take the next append with it, or leave half of this one.",
        (Edit(_CONNECTION, 'connection.execute("ROLLBACK")', "pass"),),
        (f"{_TEST_LOG}test_a_commit_that_fails_leaves_no_transaction_open",),
    ),
    Mutant(
        "a-displaced-engine-still-appends",
        "Where the lock fails (a network file system), the epoch alone keeps two engines from writing one run.",
        (Edit(_LOG, "if epoch != self._epoch:", "if epoch < self._epoch:"),),
        (f"{_TEST_LOG}test_a_displaced_engine_is_fenced_and_leaves_nothing",),
    ),
    Mutant(
        "a-tip-ahead-is-ignored",
        "Appending behind a log that lost its end makes it look whole: the loss would be seen by nobody.",
        (Edit(_LOG, 'losses.check_whole(reader, workspace / "tips", run)', "pass"),),
        (f"{_TEST_LOSSES}test_nothing_is_appended_behind_a_tip_that_is_ahead[resume, approve, test]",),
    ),
    Mutant(
        "a-tip-for-what-is-not-on-the-disk",
        "A tip of a grouped commit is ahead after a power cut, and stops a run that lost nothing of worth.",
        (Edit(_LOG, "        if durable:\n            self._write_tip()", "        self._write_tip()"),),
        (f"{_TEST_LOG}test_a_durable_append_moves_the_tip_and_a_grouped_one_leaves_it_behind",),
    ),
    Mutant(
        "the-last-tip-does-not-wait-for-the-disk",
        "The same for the tip that an engine leaves at its end.",
        (Edit(_LOG, "sync_wal(self.reader.path)", "pass"),),
        (f"{_TEST_LOSSES}test_an_engine_that_ends_leaves_no_tip_ahead_of_what_is_on_the_disk",),
    ),
    Mutant(
        "a-tip-that-fails-reaches-the-step",
        "After the commit nothing may fail: the driver would record a failure of a step that the log has closed.",
        (Edit(_LOG, "except (OSError, SiaError) as error:", "except ArithmeticError as error:"),),
        (f"{_TEST_LOG}test_a_tip_that_cannot_be_written_fails_no_append_and_is_written_with_a_later_one",),
        raises="IsADirectoryError",
    ),
    Mutant(
        "a-hash-link-is-not-checked",
        "An event put in the place of another, with a hash of its own, is seen by its link alone.",
        (
            Edit(
                _INTEGRITY,
                "if before is not None and (event.prev_hash != before.hash or event.n != before.n + 1):",
                "if before is not None and event.n != before.n + 1:",
            ),
        ),
        (f"{_TEST_AUDIT}test_each_kind_of_damage_is_found_and_named[an event follows another than the one before]",),
    ),
    Mutant(
        "a-hash-is-not-recomputed",
        "A byte that was changed in a payload is seen by the event's hash alone.",
        (Edit(_INTEGRITY, "if event.expected_hash() != event.hash:", "if not event.hash:"),),
        (f"{_TEST_AUDIT}test_the_event_whose_byte_was_flipped_is_named[7]",),
    ),
    Mutant(
        "a-damaged-blob-is-read",
        "A prompt, an answer or a harness that is not what was written would be believed.",
        (Edit(_BLOBS, "    if digest(data) != name:\n", "    if not name:\n"),),
        (f"{_TEST_BLOBS}test_a_damaged_blob_is_refused_by_name[raw]",),
    ),
    Mutant(
        "a-blob-is-unpacked-without-bound",
        "An imported log may be hostile: some kilobytes of it can unpack to more than the memory.",
        (
            Edit(
                _BLOBS,
                'if codec == "raw" or not 0 <= zstandard.frame_content_size(stored) <= most:',
                'if codec == "raw":',
            ),
        ),
        (f"{_TEST_BLOBS}test_a_bomb_is_not_unpacked",),
    ),
    Mutant(
        "the-folder-is-not-synced",
        "A file that was renamed has its new name after a power cut only where its folder was synced.",
        (
            Edit(
                _ATOMIC,
                "        fresh.replace(target)\n    if durable:\n",
                "        fresh.replace(target)\n    if not target.name:\n",
            ),
        ),
        (f"{_TEST_ATOMIC}test_contents_are_on_the_disk_before_the_name_and_the_name_before_the_end[file]",),
    ),
    Mutant(
        "the-contents-are-not-synced",
        "A name that is on the disk before its contents is an empty file after a power cut.",
        (Edit(_ATOMIC, 'for path in [*fresh.rglob("*"), fresh]:', 'for path in fresh.rglob("*"):'),),
        (f"{_TEST_ATOMIC}test_contents_are_on_the_disk_before_the_name_and_the_name_before_the_end[file]",),
    ),
    Mutant(
        "an-event-before-its-objects",
        "An event that names a commit which git does not have yet names nothing, where git then fails.",
        (
            Edit(
                "engine/run/versions.py",
                "        self._repository.write(version)\n"
                "        event, contents = harness_written(version, changed)\n"
                "        self._journal.append(generation, replace(event, alternative=alternative), "
                "contents=contents)\n",
                "        event, contents = harness_written(version, changed)\n"
                "        self._journal.append(generation, replace(event, alternative=alternative), "
                "contents=contents)\n"
                "        self._repository.write(version)\n",
            ),
        ),
        ("tests/unit/run/test_versions.py::test_objects_that_git_does_not_take_leave_no_event",),
        quick=True,
    ),
    Mutant(
        "what-a-stranger-s-file-defines-is-run",
        "A trigger or a view in a log from elsewhere would run with our queries.",
        (
            Edit(
                "engine/events/storage/schema.py",
                "if found is None or (found[1]",
                "if found is not None and (found[1]",
            ),
        ),
        (
            "tests/unit/events/storage/test_hostile_log.py::"
            "test_what_is_not_ours_is_refused_unread_and_unwritten[a trigger without end]",
        ),
    ),
    Mutant(
        "an-observer-raises-into-the-step",
        "A screen that is broken must not end the step whose event it was to show.",
        (Edit("engine/run/live_run.py", "self._observers.remove(observe)", "raise"),),
        (
            "tests/unit/loop/test_after_the_commit.py::"
            "test_a_tip_that_cannot_be_written_and_a_broken_observer_fail_no_step",
        ),
        raises="ValueError",
    ),
    Mutant(
        "a-failed-group-is-forgotten",
        "An execution whose results were not all committed would be finished, with scores over what is left.",
        (Edit("engine/run/group_commit.py", "            self._error = error\n            for", "            for"),),
        (
            "tests/unit/run/test_group_commit.py::"
            "test_a_commit_that_failed_is_told_by_everything_that_follows_until_its_step_has_ended[True]",
        ),
        quick=True,
    ),
]
