%% What a local node evaluates before it starts RabbitMQ.

%% Loads the modules of RabbitMQ and of what it needs at once. RabbitMQ looks at each of them when
%% it starts, and Erlang takes twice as long to load them one by one.
Needed = fun Needed(App, Apps) ->
	case lists:member(App, Apps) of
		true -> Apps;
		false ->
			{ok, [{application, App, Keys}]} = file:consult(code:where_is_file(atom_to_list(App) ++ ".app")),
			lists:foldl(Needed, [App | Apps], proplists:get_value(applications, Keys))
	end
end.
Files = [File || App <- Needed(rabbit, []), File <- filelib:wildcard(code:lib_dir(App) ++ "/ebin/*.beam")].
code:ensure_modules_loaded([list_to_atom(filename:basename(File, ".beam")) || File <- Files]).

%% Says, by a file, that the node is ready.
spawn(fun Wait() ->
	case catch rabbit:is_running() of
		true -> ok = file:write_file(os:getenv("WARREN_READY"), "");
		_ -> timer:sleep(50), Wait()
	end
end).
