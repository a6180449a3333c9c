/* The name of a node: how its segment is born, owned, adopted, replaced and ended (shm/LAYOUT.md, "Life of a segment";
   OwnedSegment::open, create, adopt, open_bell and end in shm/owned_segment.cc; DomainView::scan, SegmentView::open).

   Two candidates want the name, LIVES times in all; each may be killed before any system call, may end and leave its
   segment, may end and remove it, may find that what it adopts must be replaced, or may publish for ever. A program keeps
   the segment open that the name meant when it looked, and the bell with it. It looks again when the folder changes or
   its segment is retired; with -DLATEST, as one that only calls Reader::latest(), only when its segment is retired, and
   nobody removes any. Not here: who removes files by hand, and smttopic rm.

   Proved: names mean complete segments only; never do two candidates publish, nor one whose segment has not the name;
   what is retired has a successor on its way, or nobody owns it; when all rests, whoever reads has the segment of the
   one that publishes, and its bell or none, and the bell's name means that bell.

   Each of these mistakes is refuted (run.sh):
     BUG_NO_INODE_CHECK     who has the lock does not ask whether the file still has the name
     BUG_LATE_COMPLETE      the name is given before the segment is complete
     BUG_LATE_LOCK          the name is given before the segment is locked
     BUG_EARLY_UNLOCK       the old segment is unlocked before the new one has its name
     BUG_STALE_NEW          what a predecessor left as .<node>.new is not removed
     BUG_NO_RETIRED         a segment is replaced without being marked
     BUG_LATE_RETIRED       a segment is marked after it has been replaced
     BUG_BELL_LAST          a segment is removed before its bell
     BUG_BELL_UNSEEN        who has given the name does not ask whether its bell still has one
     BUG_ADOPT_REMOVED      a segment is adopted whose owner was killed while it removed it */

#ifndef LIVES
#define LIVES 3
#endif
#define FILES 7
#define BELLS 4
#define NONE 9

byte node = NONE, new = NONE, bell = NONE;  /* what the names mean: <node>, .<node>.new, <node>.bell */
bool complete[FILES], retired[FILES], removing[FILES];
byte lock[FILES];                           /* candidate 1 or 2; 0: nobody */
bool changed = true;                        /* the folder, since the reader looked into it */

byte file[3] = NONE, fresh[3] = NONE;  /* open at candidate c: what it found, what it makes */
byte mine[3] = NONE;                   /* its bell */
bool publishes[3];
byte lives;
byte seen = NONE, view = NONE, view_bell = NONE;  /* open at the reader */

#define UNKNOWN(f) (node != f && new != f && file[1] != f && file[2] != f && fresh[1] != f && fresh[2] != f && \
  seen != f && view != f)
#define UNHEARD(b) (bell != b && mine[1] != b && mine[2] != b && view_bell != b)
#define RELEASE(f) \
  if \
  :: f != NONE && lock[f] == c -> lock[f] = 0 \
  :: else \
  fi
/* Before each system call of a candidate. */
#define MAY_DIE if :: true :: goto dead fi
#define TRUTH assert((node == NONE || complete[node]) && (new == NONE || complete[new]))

inline Unnamed() {
  i = 0;
  do
  :: i < FILES && !UNKNOWN(i) -> i++
  :: else -> break
  od;
  assert(i < FILES);
  fresh[c] = i; i = 0
}

/* What nobody knows any more can be a new file. */
inline Tidy() {
  do
  :: i < FILES && UNKNOWN(i) -> complete[i] = false; retired[i] = false; removing[i] = false; lock[i] = 0; i++
  :: i < FILES && !UNKNOWN(i) -> i++
  :: else -> break
  od;
  i = 0
}

inline NewBell() {
  i = 0;
  do
  :: i < BELLS && !UNHEARD(i) -> i++
  :: else -> break
  od;
  assert(i < BELLS);
  mine[c] = i; bell = i; changed = true; i = 0
}

inline OpenBell() {
  do
  :: atomic { MAY_DIE; mine[c] = bell; if :: mine[c] != NONE -> break :: else fi };
     atomic { MAY_DIE; if :: bell == NONE -> NewBell(); break :: else fi }
  od
}

inline Retire() { atomic { MAY_DIE; retired[file[c]] = true } }
inline UnlinkBell() { atomic { MAY_DIE; bell = NONE; changed = true } }

proctype Candidate(byte c) {
  byte i;
  bool taken;

idle:
  if
  :: atomic { lives < LIVES -> lives++ }
  :: true -> end_idle: false
  fi;

look:
  /* OwnedSegment::open */
  atomic { MAY_DIE; file[c] = node; taken = false; if :: file[c] == NONE -> goto create :: else fi };
  atomic { MAY_DIE; if :: lock[file[c]] == 0 -> lock[file[c]] = c :: else -> taken = true fi };
#ifndef BUG_NO_INODE_CHECK
  atomic { MAY_DIE; if :: node != file[c] -> RELEASE(file[c]); file[c] = NONE; Tidy(); goto look :: else fi };
#endif
  atomic {
    MAY_DIE;
    if
    :: taken -> goto dead           /* it says who has the name, and gives up */
    :: !taken && retired[file[c]] -> goto create
#ifndef BUG_ADOPT_REMOVED
    :: !taken && removing[file[c]] -> goto create
    :: !taken && !retired[file[c]] && !removing[file[c]]
#else
    :: !taken && !retired[file[c]]
#endif
    :: !taken -> goto create        /* it is damaged, or of another size */
    fi
  };
  OpenBell();
  goto publish;

create:
  /* Built, filled in and locked: nobody can see it yet. */
  atomic {
    MAY_DIE;
    Unnamed();
#ifndef BUG_LATE_COMPLETE
    complete[fresh[c]] = true;
#endif
#ifndef BUG_LATE_LOCK
    lock[fresh[c]] = c
#endif
  };
  OpenBell();
#ifdef BUG_EARLY_UNLOCK
  atomic { MAY_DIE; RELEASE(file[c]) };
#endif
  if
  :: file[c] != NONE ->
#ifndef BUG_STALE_NEW
     atomic { MAY_DIE; new = NONE; changed = true };
#endif
     atomic { MAY_DIE; assert(new == NONE); new = fresh[c]; changed = true; TRUTH };
#if !defined(BUG_NO_RETIRED) && !defined(BUG_LATE_RETIRED)
     Retire();
#endif
     atomic { MAY_DIE; node = fresh[c]; new = NONE; changed = true; TRUTH };
#ifdef BUG_LATE_RETIRED
     Retire()
#endif
  :: else ->
     atomic {
       MAY_DIE;
       if
       :: node == NONE -> node = fresh[c]; changed = true; TRUTH
       :: else -> RELEASE(fresh[c]); fresh[c] = NONE; mine[c] = NONE; Tidy(); goto look
       fi
     }
  fi;
#ifdef BUG_LATE_LOCK
  atomic { MAY_DIE; if :: lock[fresh[c]] == 0 -> lock[fresh[c]] = c :: else fi };
#endif
#ifdef BUG_LATE_COMPLETE
  atomic { MAY_DIE; complete[fresh[c]] = true };
#endif
#ifndef BUG_BELL_UNSEEN
  if
  :: bell != mine[c] -> OpenBell()
  :: else
  fi;
#endif
  atomic { RELEASE(file[c]); file[c] = fresh[c]; fresh[c] = NONE; Tidy() };

publish:
  atomic { publishes[c] = true; assert(!publishes[3 - c] && node == file[c] && complete[node]) };
  if
  :: true -> end_publish: false
  :: goto dead  /* or end(false), which is no more */
#ifndef LATEST
  :: /* end(true) */
     atomic { publishes[c] = false; removing[file[c]] = true };
#ifndef BUG_BELL_LAST
     UnlinkBell();
#endif
     atomic { MAY_DIE; assert(node == file[c]); node = NONE; changed = true };
#ifdef BUG_BELL_LAST
     UnlinkBell()
#endif
#endif
  fi;

dead:
  atomic {
    RELEASE(file[c]);
    RELEASE(fresh[c]);
    file[c] = NONE; fresh[c] = NONE; mine[c] = NONE; publishes[c] = false; taken = false;
    Tidy()
  };
  goto idle
}

#ifdef LATEST
#define LOOKS (view == NONE -> changed : retired[view])
#else
#define LOOKS (changed || (view != NONE && retired[view]))
#endif

proctype Reader() {
  byte i;
end:
  do
  :: LOOKS ->
     /* DomainView::folder_changed, scan */
     changed = false;
     if
     :: view != NONE && node != view -> atomic { view = NONE; view_bell = NONE; Tidy() }
     :: else
     fi;
     if
     :: view == NONE ->
        /* SegmentView::open */
        seen = node;
        if
        :: seen == NONE || node != seen  /* removed between open and fstat */
        :: else ->
           assert(complete[seen]);
           view = seen;
           view_bell = bell
        fi;
        atomic { seen = NONE; Tidy() }
     :: else
     fi
  od
}

proctype End() {
  timeout;
  assert(!publishes[1] || (view == file[1] && bell == mine[1] && (view_bell == bell || view_bell == NONE)));
  assert(!publishes[2] || (view == file[2] && bell == mine[2] && (view_bell == bell || view_bell == NONE)))
}

init {
  atomic {
    run Candidate(1);
    run Candidate(2);
    run Reader();
    run End()
  }
}
