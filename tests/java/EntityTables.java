import java.lang.annotation.Annotation;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.nio.file.Paths;
import java.util.Date;
import java.util.Map;
import java.util.TreeMap;
import java.util.jar.JarFile;

/**
 * Tells which tables and columns the classes of a jar are mapped to: one line a column, with the table, the column and a
 * word for its type. Releases of DolphinScheduler do not carry their SQL scripts in their artifacts, but these classes.
 */
public class EntityTables {
    private static final String ANNOTATIONS = "com.baomidou.mybatisplus.annotation";

    public static void main(String[] arguments) throws Exception {
        try (JarFile jar = new JarFile(Paths.get(arguments[0]).toFile())) {
            jar.stream()
                    .map(entry -> entry.getName())
                    .filter(name -> name.startsWith(arguments[1]) && name.endsWith(".class"))
                    .sorted()
                    .forEach(name -> describe(name.replace('/', '.').substring(0, name.length() - 6)));
        }
    }

    private static void describe(String name) {
        Class<?> entity;
        Field[] fields;
        try {
            entity = Class.forName(name, false, EntityTables.class.getClassLoader());
            fields = entity.getDeclaredFields();
        } catch (ReflectiveOperationException | LinkageError error) {
            System.err.println(name + ": " + error);
            return;
        }
        Annotation table = annotation(entity.getAnnotations(), "TableName");
        if (table == null) {
            return;
        }
        Map<String, String> columns = new TreeMap<>();
        for (Class<?> at = entity; at != Object.class && at != null; at = at.getSuperclass()) {
            for (Field field : at == entity ? fields : at.getDeclaredFields()) {
                add(columns, field);
            }
        }
        columns.forEach((column, type) -> System.out.println(value(table, "value") + " " + column + " " + type));
    }

    private static void add(Map<String, String> columns, Field field) {
        Annotation id = annotation(field.getAnnotations(), "TableId");
        Annotation column = annotation(field.getAnnotations(), "TableField");
        boolean absent = column != null && value(column, "exist").equals(false);
        if (absent || Modifier.isStatic(field.getModifiers()) || Modifier.isTransient(field.getModifiers())) {
            return;
        }
        String name = String.valueOf(value(id != null ? id : column, "value"));
        String snake = field.getName().replaceAll("([A-Z])", "_$1").toLowerCase();
        boolean given = !name.isEmpty() && !name.equals("null");
        String type = id != null && !field.getType().equals(String.class) ? "id" : type(field.getType());
        columns.put(given ? name.replace("`", "").replace("\"", "") : snake, type);
    }

    private static String type(Class<?> type) {
        if (type == int.class || type == Integer.class) {
            return "int";
        }
        if (type == long.class || type == Long.class) {
            return "bigint";
        }
        if (type == boolean.class || type == Boolean.class) {
            return "boolean";
        }
        if (type == double.class || type == Double.class) {
            return "double";
        }
        if (Date.class.isAssignableFrom(type)) {
            return "time";
        }
        return type.isEnum() ? enumeration(type) : "text";
    }

    /** An enumeration is stored as the field that is marked so. */
    private static String enumeration(Class<?> type) {
        for (Field field : type.getDeclaredFields()) {
            if (annotation(field.getAnnotations(), "EnumValue") != null) {
                return type(field.getType());
            }
        }
        return "text";
    }

    private static Annotation annotation(Annotation[] annotations, String name) {
        for (Annotation annotation : annotations) {
            if (annotation.annotationType().getName().equals(ANNOTATIONS + "." + name)) {
                return annotation;
            }
        }
        return null;
    }

    private static Object value(Annotation annotation, String name) {
        try {
            return annotation == null ? "" : annotation.annotationType().getMethod(name).invoke(annotation);
        } catch (ReflectiveOperationException error) {
            throw new IllegalStateException(error);
        }
    }
}
