# Builds the library and its test programs with sanitizers, below build/: only what changed is built again.
FLAGS := -g -O1 -fsanitize=address,undefined -fno-omit-frame-pointer -I. -Itests
OBJECTS := build/cJSON.o build/cJSON_Utils.o
# Absolute paths: reports then name files as the deployed program's do.
COMPILE = $(CC) $(FLAGS)

all: $(patsubst %.c,build/%,$(filter-out tests/unity_setup.c,$(wildcard tests/*.c)))
build/%.o: %.c cJSON.h cJSON_Utils.h
	@mkdir -p $(@D)
	$(COMPILE) -c -o $@ $(CURDIR)/$<
build/unity.o: tests/unity/src/unity.c
	@mkdir -p $(@D)
	$(COMPILE) -c -o $@ $(CURDIR)/$<
build/libcjson.a: $(OBJECTS)
	rm -f $@ && $(AR) rcs $@ $^
# Some tests include the library's source instead of linking it.
build/tests/%: tests/%.c tests/common.h cJSON.c cJSON.h build/unity.o build/libcjson.a
	@mkdir -p $(@D)
	$(COMPILE) -o $@ $(CURDIR)/$< build/unity.o build/libcjson.a -lm
.PHONY: all
.SECONDARY:
