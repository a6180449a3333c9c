/* A segment: two directory entries over three blocks of memory, each of which can hold a record and its ring of two
   slots (shm/LAYOUT.md, "Directory", "Orderings", "Life of a segment").

   The owner creates, publishes, grows, advertises anew and removes topics, OPERATIONS in all, in any order, in a new
   segment or (-DUSED_SEGMENT) one with a past, and is killed at any step, CRASHES times; its successor adopts what it
   finds. What is used is what a live entry points at: the free list is never stored. A reader looks a topic up, follows
   it by latest() and next(), and may stop for as long as it likes between any two loads.

   Proved: a record believed is complete and its entry's own; a sample believed is whole, of the topic looked up and at
   the position asked for; positions of a topic never go back, over crash and growth; the head always names a complete
   sample; adoption never finds two topics in one block.

   Each of these mistakes is refuted (run.sh):
     BUG_NO_ODD_MARK          a slot is written without being marked first
     BUG_COUNTER_FIRST        the head moves before the slot is complete
     BUG_NO_SLOT_CHECK        a reader believes what it copied without looking at the lock again
     BUG_NO_GENERATION_CHECK  a reader believes what it copied without looking at the generation again
     BUG_EARLY_REUSE          a topic's memory is given to another before its generation is retired
     BUG_GENERATION_FIRST     the generation is published before the record is complete
     BUG_RECORD_IN_USE        growth overwrites the record offset that readers of the present generation use
     BUG_NO_CLEAR             a new ring keeps the locks that an older one left in its memory
     BUG_POSITION_FROM_ONE    a successor does not go on from the head that it finds */

#ifndef OPERATIONS
#define OPERATIONS 5
#endif
#ifndef CRASHES
#define CRASHES 2
#endif
#define ENTRIES 2
#define BLOCKS 3
#define SLOTS 2

byte generation[ENTRIES];   /* odd: live */
byte record[4];             /* block of entry e for generation g: at 2 * e + g / 2 % 2 */
byte head[ENTRIES];         /* position of the newest complete sample */

byte topic[BLOCKS];         /* of the record in block b: who it is, its generation, its entry, its first position */
byte of_generation[BLOCKS];
byte of_entry[BLOCKS];
byte first[BLOCKS];
byte lock[6];               /* of slot s of block b: at 2 * b + s; 2 * position - 1, or 2 * position when complete */
byte left[6], right[6];     /* the payload, two words */

byte operations, crashes, topics;

#define LIVE(e) (generation[e] % 2)
#define AT(e, g) (2 * (e) + (g) / 2 % 2)
#define BLOCK(e) record[AT(e, generation[e])]
#define USED(b) ((LIVE(0) && BLOCK(0) == b) || (LIVE(1) && BLOCK(1) == b))
#define VALUE(t, position) (16 * (t) + (position))
#define SLOT(b, position) (2 * (b) + (position) % SLOTS)

/* One store of the owner; instead of it, the owner may be killed. */
#define STORE(store) \
  if \
  :: store \
  :: atomic { crashes < CRASHES -> crashes++; e = 0; b = 0; p = 0; s = 0; goto adopt } \
  fi

inline Publish(e) {
  d_step { b = BLOCK(e); p = head[e] + 1; s = SLOT(b, p) };
#ifdef BUG_POSITION_FROM_ONE
  d_step { if :: fresh -> p = 1; s = SLOT(b, p) :: else fi; fresh = false };
#endif
#ifndef BUG_NO_ODD_MARK
  STORE(lock[s] = 2 * p - 1);
#endif
  STORE(left[s] = VALUE(topic[b], p));
  STORE(right[s] = VALUE(topic[b], p));
#ifdef BUG_COUNTER_FIRST
  STORE(head[e] = p);
#endif
  STORE(lock[s] = 2 * p);
#ifndef BUG_COUNTER_FIRST
  STORE(head[e] = p)
#endif
}

/* Writes record and ring of generation g of entry e into block b, then publishes them. The history, if kept, is that of
   the generation now live. */
inline Advertise(e, g, b, name, from, keep_history) {
#ifdef BUG_GENERATION_FIRST
  STORE(record[AT(e, g)] = b);
  STORE(generation[e] = g);
#endif
#ifdef BUG_RECORD_IN_USE
  STORE(record[AT(e, generation[e])] = b);
#endif
  STORE(topic[b] = name);
  STORE(of_generation[b] = g);
  STORE(of_entry[b] = e);
  STORE(first[b] = from);
#ifndef BUG_NO_CLEAR
  STORE(lock[2 * b] = 0);
  STORE(lock[2 * b + 1] = 0);
#endif
  if
  :: keep_history ->
     d_step {
       p = head[e];
       if :: p > 1 -> p-- :: else -> p = 1 fi;
       if :: p < first[b] -> p = first[b] :: else fi
     };
     do
     :: p <= head[e] && lock[SLOT(BLOCK(e), p)] == 2 * p ->
        STORE(lock[SLOT(b, p)] = 2 * p);
        STORE(left[SLOT(b, p)] = left[SLOT(BLOCK(e), p)]);
        STORE(right[SLOT(b, p)] = right[SLOT(BLOCK(e), p)]);
        p++
     :: p <= head[e] && lock[SLOT(BLOCK(e), p)] != 2 * p -> p++
     :: p > head[e] -> break
     od
  :: else
  fi;
  STORE(record[AT(e, g)] = b);
  STORE(generation[e] = g)
}

inline FreeBlock(b) {
  d_step {
    if
    :: !USED(0) -> b = 0
    :: USED(0) && !USED(1) -> b = 1
    :: else -> b = 2
    fi
  }
}

proctype Owner() {
  byte e, b, p, s;
#ifdef BUG_EARLY_REUSE
  byte other;
#endif
#ifdef BUG_POSITION_FROM_ONE
  bool fresh;
#endif
adopt:
  /* Adoption: everything is checked, half-written slots are repaired. */
#ifdef BUG_POSITION_FROM_ONE
  fresh = true;
#endif
  assert(!(LIVE(0) && LIVE(1) && BLOCK(0) == BLOCK(1)));
  do
  :: e < ENTRIES && LIVE(e) ->
     b = BLOCK(e);
     assert(of_generation[b] == generation[e] && of_entry[b] == e);
     do
     :: s < SLOTS && lock[2 * b + s] % 2 == 0 && lock[2 * b + s] <= 2 * head[e] -> s++
     :: s < SLOTS && (lock[2 * b + s] % 2 == 1 || lock[2 * b + s] > 2 * head[e]) ->
        STORE(lock[2 * b + s] = 0);
        s++
     :: s == SLOTS -> break
     od;
     s = 0;
     e++
  :: e < ENTRIES && !LIVE(e) -> e++
  :: e == ENTRIES -> break
  od;

  do
  :: operations < OPERATIONS ->
     d_step { operations++; b = 0; p = 0; s = 0 };
     if :: e = 0 :: e = 1 fi;
     if
     :: LIVE(e) -> Publish(e)
     :: !LIVE(e) -> /* create */
        FreeBlock(b);
        topics++;
        Advertise(e, generation[e] + 1, b, topics, head[e] + 1, false)
     :: LIVE(e) ->  /* grow */
        FreeBlock(b);
        Advertise(e, generation[e] + 2, b, topic[BLOCK(e)], first[BLOCK(e)], true)
     :: LIVE(e) ->  /* advertise anew */
        FreeBlock(b);
        topics++;
        Advertise(e, generation[e] + 2, b, topics, head[e] + 1, false)
     :: LIVE(e) ->  /* remove */
#ifdef BUG_EARLY_REUSE
        if
        :: !LIVE(1 - e) ->
           b = BLOCK(e);
           other = 1 - e;
           topics++;
           Advertise(other, generation[other] + 1, b, topics, head[other] + 1, false);
           Publish(other)
        :: else
        fi;
#endif
        STORE(generation[e] = generation[e] + 1)
     fi
  :: else -> break
  od
}

proctype Reader() {
  byte e, g, b, t, begin, h, p, x, y;
  byte mine, last;  /* the topic followed, the first one found, and the position it was last seen at */
end:
  do
  :: /* Look a topic up. */
     if :: e = 0 :: e = 1 fi;
     g = generation[e];
     if
     :: g % 2 == 1 ->
        b = record[AT(e, g)];
        t = topic[b];
        x = of_generation[b];
        y = of_entry[b];
        begin = first[b];
        if
        :: generation[e] == g ->
           assert(x == g && y == e);
           d_step { x = 0; y = 0; if :: mine == 0 -> mine = t :: else fi };
           /* Read from it, as often as it likes. */
           do
           :: t == mine ->
              h = head[e];
              if
              :: h < begin -> break
              :: else
              fi;
              if
              :: p = h                                          /* latest() */
              :: d_step {                                       /* next() */
                   p = last + 1;
                   if :: p + SLOTS <= h -> p = h - SLOTS + 1 :: else fi;
                   if :: p < begin -> p = begin :: else fi
                 };
                 if :: p > h -> break :: else fi
              fi;
              x = lock[SLOT(b, p)];
              assert(h != p || x != 2 * p - 1 || generation[e] != g);
              if
              :: x == 2 * p ->
                 x = left[SLOT(b, p)];
                 y = right[SLOT(b, p)];
                 if
#ifndef BUG_NO_SLOT_CHECK
                 :: lock[SLOT(b, p)] != 2 * p -> skip
#endif
                 :: else ->
                    if
#ifndef BUG_NO_GENERATION_CHECK
                    :: generation[e] != g -> break
#endif
                    :: else ->
                       assert(x == y && x == VALUE(t, p));
                       assert(p >= last);
                       last = p
                    fi
                 fi
              :: else -> if :: generation[e] != g -> break :: else fi
              fi;
              d_step { p = 0; h = 0; x = 0; y = 0 }
           :: break
           od
        :: else
        fi
     :: else
     fi;
     atomic { e = 0; g = 0; b = 0; t = 0; begin = 0; h = 0; p = 0; x = 0; y = 0 }
  od
}

init {
  atomic {
#ifdef USED_SEGMENT
    /* Topic 1 was published twice from entry 0 and removed; topic 2 lives in entry 1 and was published twice. */
    d_step {
      generation[0] = 2; record[AT(0, 1)] = 0; head[0] = 2;
      topic[0] = 1; of_generation[0] = 1; of_entry[0] = 0; first[0] = 1;
      lock[SLOT(0, 1)] = 2; left[SLOT(0, 1)] = VALUE(1, 1); right[SLOT(0, 1)] = VALUE(1, 1);
      lock[SLOT(0, 2)] = 4; left[SLOT(0, 2)] = VALUE(1, 2); right[SLOT(0, 2)] = VALUE(1, 2);
      generation[1] = 1; record[AT(1, 1)] = 1; head[1] = 2;
      topic[1] = 2; of_generation[1] = 1; of_entry[1] = 1; first[1] = 1;
      lock[SLOT(1, 1)] = 2; left[SLOT(1, 1)] = VALUE(2, 1); right[SLOT(1, 1)] = VALUE(2, 1);
      lock[SLOT(1, 2)] = 4; left[SLOT(1, 2)] = VALUE(2, 2); right[SLOT(1, 2)] = VALUE(2, 2);
      topics = 2
    };
#endif
    run Owner();
    run Reader()
  }
}
