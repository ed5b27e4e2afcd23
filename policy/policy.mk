# The presets, the floor and the schema become data of the program: od and awk are all it takes.
POLICY_DATA := $(sort $(wildcard policy/presets/*.json)) policy/scope-policy.schema.json
GEN_policy  := $(B)/policy/embedded.o
$(B)/policy/embedded.c: $(POLICY_DATA) policy/embed.sh
	@mkdir -p $(@D)
	sh policy/embed.sh $(POLICY_DATA) >$@.new && mv $@.new $@
$(B)/policy/embedded.o: $(B)/policy/embedded.c
	$(CC) $(SICK_CFLAGS) $(HARDEN) -fPIE $(CFLAGS) $(CPPFLAGS) -MMD -MP -c -o $@ $<
