# Builds the library, and on demand a test program, with sanitizers below build/: only what changed is built again.
FLAGS := -g -fsanitize=address,undefined -fno-omit-frame-pointer -I. -Itests
# Absolute paths: reports then name files as the deployed program's do.
COMPILE = $(CC) $(FLAGS)

# On bare source everything; where a build lies already the library, and the programs that are asked for.
BARE := $(if $(wildcard build/libcjson.a),,$(patsubst %.c,build/%,$(filter-out tests/unity_setup.c,$(wildcard tests/*.c))))
library: build/libcjson.a build/unity.o $(BARE)
build/%.o: %.c cJSON.h cJSON_Utils.h
	@mkdir -p $(@D)
	$(COMPILE) -c -o $@ $(CURDIR)/$<
build/unity.o: tests/unity/src/unity.c
	@mkdir -p $(@D)
	$(COMPILE) -c -o $@ $(CURDIR)/$<
build/libcjson.a: build/cJSON.o build/cJSON_Utils.o
	rm -f $@ && $(AR) rcs $@ $^
# Some tests include the library's source instead of linking it.
build/%: %.c tests/common.h cJSON.c cJSON.h build/unity.o build/libcjson.a
	@mkdir -p $(@D)
	$(COMPILE) -o $@ $(CURDIR)/$< build/unity.o build/libcjson.a -lm
.PHONY: library
.SECONDARY:
