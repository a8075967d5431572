# Tests and benchmark of the root disk that are programs of their own.
ORACLE_SRC := $(wildcard tests/oracle/*.c) $(call lib,rootdisk) $(COMMON)

# Under the sanitizers, as the unit tests are.
$(B)/oracle/rootdisk: $(ORACLE_SRC:%.c=$(B)/asan/%.o)
	@mkdir -p $(@D)
	$(CC) -fsanitize=address,undefined -o $@ $^ -lfuse3
