/* The directory of a segment: two entries for two names, over four blocks of memory of which each can hold a record or
   a schema that records share (shm/LAYOUT.md, "Directory"; TopicTable::put, remove and rebuild in shm/topic_table.cc;
   ReadRecord in shm/record.cc; DomainView::index and find, SegmentView::schema). Rings are in slot.pml.

   The owner advertises names that are there or not, with either of two schemas, and removes them, OPERATIONS in all; it
   is killed at any step, CRASHES times, and its successor rebuilds what is free from what the directory names. Another
   process keeps an index of the names, looks up, reads schemas, and may rest between any two loads.

   A record is written and read in two parts. Each word of it carries the generation and entry that it was written for, so
   that it proves itself: name n of generation g of entry e is TAG(g, e) * 4 + n.

   Proved: a record that is believed is complete and of the generation looked up; a schema that is believed is the
   record's; neither readers nor adoption ever take a sound directory for a damaged one; after each operation and each
   adoption exactly what no live entry names is free; when the owner rests, the next look at the index finds every
   topic, and nothing else.

   Each of these mistakes is refuted (run.sh):
     BUG_NO_GENERATION_CHECK  a reader believes a record without looking at the generation again
     BUG_SCHEMA_UNCHECKED     a reader believes a schema without looking at the generation again
     BUG_NAME_UNCHECKED       a reader takes what is at an index for the name that was there
     BUG_EARLY_FREE           record and schema are free before the generation has moved on
     BUG_VERSION_FIRST        the directory's version is counted up before the generation has moved on
     BUG_LATE_VERSION         a reader loads the version after having looked at the entries
     BUG_NO_NEW_VERSION       adoption leaves the version as it finds it
     BUG_SCHEMA_COUNTED_ONCE  adoption takes a schema of two topics for one of one
     BUG_SCHEMAS_FORGOTTEN    adoption finds records in use, and not their schemas */

#ifndef OPERATIONS
#define OPERATIONS 3
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#define ENTRIES 2
#define BLOCKS 4
#define NAMES 2

byte generation[ENTRIES];  /* odd: live */
byte at[4];                /* block of entry e for generation g: at 2 * e + g / 2 % 2 */
byte version;

byte tag[BLOCKS];      /* record: TAG of its generation and entry */
byte name[BLOCKS];    /* record: its name; schema: its first word */
byte schema[BLOCKS];  /* record: the block of its schema; schema: its second word */
byte hash[BLOCKS];    /* record: which of the schemas it is */

byte operations, crashes;
bool rests;  /* the owner has done all that it ever does */

#define TAG(g, e) (2 * (g) + (e))
#define AT(e, g) (2 * (e) + (g) / 2 % 2)
#define LIVE(e) (generation[e] % 2)
#define TEXT(t) (200 + (t))  /* both words of schema t; no record has it */
#define PLAIN(word) ((word) % 4)
#define BLOCK(e) at[AT(e, generation[e])]
#define NAMED(b) ((LIVE(0) && (BLOCK(0) == b || PLAIN(schema[BLOCK(0)]) == b)) || \
                  (LIVE(1) && (BLOCK(1) == b || PLAIN(schema[BLOCK(1)]) == b)))
#define ENTRY_OF(n) (LIVE(0) && PLAIN(name[BLOCK(0)]) == n -> 1 : (LIVE(1) && PLAIN(name[BLOCK(1)]) == n -> 2 : 0))
#define NOWHERE 9
#define FREE_IS_WHAT_IS_LEFT \
  is_free[0] != NAMED(0) && is_free[1] != NAMED(1) && is_free[2] != NAMED(2) && is_free[3] != NAMED(3)

/* --- The owner. Its own memory, made anew at each adoption: */
bool is_free[BLOCKS];
byte entry_of[3];      /* of name n, from 1; 0: not there */
byte schema_at[3];     /* block of schema t, from 1; 0: nowhere */
byte uses[3];

/* One store of the owner; instead of it, the owner may be killed. */
#define STORE(store) \
  if \
  :: d_step { store } \
  :: atomic { crashes < CRASHES -> crashes++; goto adopt } \
  fi

inline Allocate(b) {
  if
  :: is_free[0] -> b = 0
  :: !is_free[0] && is_free[1] -> b = 1
  :: !is_free[0] && !is_free[1] && is_free[2] -> b = 2
  :: !is_free[0] && !is_free[1] && !is_free[2] && is_free[3] -> b = 3
  :: else -> b = NOWHERE
  fi;
  if :: b != NOWHERE -> is_free[b] = false :: else fi
}

inline Unshare(t) {
  uses[t]--;
  if :: uses[t] == 0 -> is_free[schema_at[t] - 1] = true; schema_at[t] = 0 :: else fi
}

/* What the entry held before is free. */
inline FreeOld() {
  d_step {
    if
    :: old != NOWHERE -> is_free[old] = true; Unshare(old_type)
    :: else
    fi
  }
}

proctype Owner() {
  byte e, n, t, g;
  byte b, s;            /* blocks of the new record and its schema */
  byte old, old_type;   /* of what it replaces */

adopt:
  e = 0;
  /* TopicTable::rebuild */
  d_step {
    n = 0; t = 0; g = 0; b = 0; s = 0; old = 0; old_type = 0;
    entry_of[1] = 0; entry_of[2] = 0; schema_at[1] = 0; schema_at[2] = 0; uses[1] = 0; uses[2] = 0;
    is_free[0] = true; is_free[1] = true; is_free[2] = true; is_free[3] = true;
    do
    :: e < ENTRIES ->
       if
       :: LIVE(e) ->
          b = BLOCK(e);
          assert(tag[b] == TAG(generation[e], e));
          n = PLAIN(name[b]);
          t = PLAIN(hash[b]);
          s = PLAIN(schema[b]);
          assert(entry_of[n] == 0 && is_free[b]);
          entry_of[n] = e + 1;
          is_free[b] = false;
          if
          :: schema_at[t] == 0 ->
#ifndef BUG_SCHEMAS_FORGOTTEN
             assert(is_free[s]);
             is_free[s] = false;
#endif
             schema_at[t] = s + 1;
             uses[t] = 1
          :: else ->
             assert(schema_at[t] == s + 1);
#ifndef BUG_SCHEMA_COUNTED_ONCE
             uses[t]++
#endif
          fi
       :: else
       fi;
       e++
    :: else -> break
    od;
    e = 0; n = 0; t = 0; b = 0; s = 0
  };
#ifndef BUG_NO_NEW_VERSION
  STORE(version++);
#endif

  do
  :: operations < OPERATIONS ->
     d_step {
       operations++; e = 0; g = 0; b = 0; s = 0; old = 0; old_type = 0;
       assert(FREE_IS_WHAT_IS_LEFT)
     };
     if :: n = 1 :: n = 2 fi;
     if
     :: /* TopicTable::put */
        if :: t = 1 :: t = 2 fi;
        d_step {
          if
          :: entry_of[n] != 0 ->
             e = entry_of[n] - 1; g = generation[e] + 2; old = BLOCK(e); old_type = PLAIN(hash[old])
          :: else ->
             if :: !LIVE(0) -> e = 0 :: else -> e = 1 fi;
             g = generation[e] + 1; old = NOWHERE
          fi
        };
#ifdef BUG_EARLY_FREE
        FreeOld();
#endif
        d_step {
          if
          :: schema_at[t] != 0 -> s = schema_at[t] - 1; uses[t]++; b = 0
          :: else -> Allocate(s); b = 1
          fi
        };
        if
        :: s != NOWHERE ->
           if
           :: b == 1 ->
              d_step { schema_at[t] = s + 1; uses[t] = 1 };
              STORE(name[s] = TEXT(t));
              STORE(schema[s] = TEXT(t))
           :: else
           fi;
           d_step { Allocate(b); if :: b == NOWHERE -> Unshare(t) :: else fi };
           if
           :: b != NOWHERE ->
              STORE(tag[b] = TAG(g, e); name[b] = 4 * TAG(g, e) + n);
              STORE(schema[b] = 4 * TAG(g, e) + s; hash[b] = 4 * TAG(g, e) + t);
              STORE(at[AT(e, g)] = b);
#ifdef BUG_VERSION_FIRST
              STORE(version++);
#endif
              STORE(generation[e] = g; entry_of[n] = e + 1);
#ifndef BUG_VERSION_FIRST
              STORE(version++);
#endif
#ifndef BUG_EARLY_FREE
              FreeOld()
#endif
           :: else
           fi
        :: else
        fi
     :: entry_of[n] != 0 ->
        /* TopicTable::remove */
        d_step { t = 0; e = entry_of[n] - 1; old = BLOCK(e); old_type = PLAIN(hash[old]) };
        STORE(generation[e] = generation[e] + 1; entry_of[n] = 0);
        STORE(version++);
        FreeOld()
     fi
  :: else -> break
  od;
  assert(FREE_IS_WHAT_IS_LEFT);
  rests = true
}

/* --- Who looks: one process's DomainView, and what it makes of it. */
byte known_version;             /* from 1; 0: never looked */
byte known_generation[ENTRIES];
byte known_name[ENTRIES];
byte known_entry[3];            /* of name n, from 1 */

/* ReadRecord. g: 0 if there is nothing to be believed. */
inline ReadRecord(e) {
  do
  :: g = generation[e];
     if
     :: g % 2 == 0 -> g = 0; break
     :: else
     fi;
     b = at[AT(e, g)];
     d_step { o = tag[b]; n = name[b] };
     d_step { s = schema[b]; h = hash[b] };
     if
#ifndef BUG_NO_GENERATION_CHECK
     :: generation[e] != g -> d_step { o = 0; n = 0; s = 0; h = 0; b = 0 }
#endif
     :: else ->
        assert(o == TAG(g, e));
        d_step {
          assert(n / 4 == o && s / 4 == o && h / 4 == o);
          o = 0; b = 0; n = PLAIN(n); s = PLAIN(s); h = PLAIN(h)
        };
        break
     fi
  od
}

proctype View() {
  byte e, g, b, o, n, s, h, v, wanted;
  bool last;
end:
  do
  :: /* DomainView::index */
     last = rests;
     v = version + 1;
     if
     :: v == known_version
     :: else ->
#ifndef BUG_LATE_VERSION
        known_version = v;
#endif
        v = 0;
        do
        :: e < ENTRIES ->
           g = generation[e];
           if
           :: g == known_generation[e]
           :: else ->
              d_step {
                if :: known_entry[known_name[e]] == e + 1 -> known_entry[known_name[e]] = 0 :: else fi;
                known_name[e] = 0;
                known_generation[e] = g
              };
              ReadRecord(e);
              atomic {
                if
                :: g != 0 -> known_generation[e] = g; known_name[e] = n; known_entry[n] = e + 1
                :: else
                fi;
                n = 0; s = 0; h = 0
              }
           fi;
           d_step { g = 0; e++ }
        :: else -> break
        od;
#ifdef BUG_LATE_VERSION
        known_version = version + 1;
#endif
     fi;
     atomic {
       v = 0; e = 0;
       assert(!last || (known_entry[1] == ENTRY_OF(1) && known_entry[2] == ENTRY_OF(2)));
       last = false
     }
  :: /* DomainView::find, SegmentView::schema */
     if :: wanted = 1 :: wanted = 2 fi;
     if
     :: known_entry[wanted] != 0 ->
        e = known_entry[wanted] - 1;
        ReadRecord(e);
        if
#ifndef BUG_NAME_UNCHECKED
        :: g == 0 || n != wanted
#else
        :: g == 0
#endif
        :: else ->
           assert(n == wanted);
           d_step { n = name[s]; b = 1 };
           o = schema[s];
           if
#ifndef BUG_SCHEMA_UNCHECKED
           :: generation[e] != g
#endif
           :: else -> assert(n == TEXT(h) && o == TEXT(h))
           fi
        fi
     :: else
     fi;
     d_step { e = 0; g = 0; b = 0; o = 0; n = 0; s = 0; h = 0; wanted = 0 }
  od
}

init {
  atomic {
    run Owner();
    run View()
  }
}
